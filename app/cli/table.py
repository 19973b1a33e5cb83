"""The commands of many runs as a table: list, label, rename, delete."""

from __future__ import annotations

from typing import Annotated

import typer

from asgml.app.arguments import AsJson, RunRef, RunsDirectory, completer

table_app = typer.Typer()

Several = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN…",
        help="Paths, names, titles or unique prefixes.",
        autocompletion=completer("runs"),
        show_default=False,
    ),
]


@table_app.command(name="runs")
def runs_(
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="EXPR",
            help="Only runs of which this is true, such as 'method=boost and val>0.7'; "
            "= != < <= > >= ~ (a pattern) and, or, not, parentheses.",
            show_default=False,
        ),
    ] = None,
    match: Annotated[
        str,
        typer.Option(
            "--match",
            metavar="PATTERN",
            help="Only runs in whose name or title this regular expression is found.",
            show_default=False,
        ),
    ] = "",
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="T", help="Only runs with this tag.", show_default=False),
    ] = None,
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            metavar="NAME",
            help="Order by a metric, setting or fact; -NAME from large to small, +NAME the other "
            "way [default: newest first; a metric's better end first]",
            show_default=False,
        ),
    ] = "",
    best: Annotated[
        str,
        typer.Option(
            "--best",
            metavar="METRIC",
            help="Only the best run by this; with --group that of each group.",
            show_default=False,
        ),
    ] = "",
    columns: Annotated[
        str,
        typer.Option(
            "--columns",
            metavar="A,B,…",
            help="These columns, any settings or metrics [default: what differs]",
            show_default=False,
        ),
    ] = "",
    group: Annotated[
        bool, typer.Option("--group", help="One line for runs that differ in their seed alone.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", help="At most N lines; 0: all.", min=0)
    ] = 0,
    archived: Annotated[bool, typer.Option("--archived", help="Archived runs too.")] = False,
    trials: Annotated[bool, typer.Option("--trials", help="Tuning trials of plans too.")] = False,
    runs: RunsDirectory = None,
    json_: AsJson = False,
) -> int:
    """List the runs, those of plans included, the newest first.

    Settings that differ between them are columns. Names of --where, --sort, --columns and --best:
    a setting (optimizer.lr, or lr where that is clear), a metric (val, test and gap for short;
    last.NAME, best.NAME, chosen.NAME), or name, state, epoch, seed, tags, started, seconds,
    protocol, plan. A metric of validation is that of the epoch that validation chose.
    """
    from asgml.app.commands.run_query import RunQuery
    from asgml.app.commands.runs import runs as list_them

    names = tuple(name.strip() for name in columns.split(",") if name.strip())
    query = RunQuery(
        tuple(where or ()),
        match,
        tuple(tag or ()),
        archived,
        trials,
        sort,
        best,
        limit,
        names,
        group,
    )
    return list_them(runs, json_, query)


@table_app.command()
def label(
    run: Several,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="T", help="Add a tag.", show_default=False)
    ] = None,
    untag: Annotated[
        list[str] | None,
        typer.Option("--untag", metavar="T", help="Take a tag away.", show_default=False),
    ] = None,
    note: Annotated[
        str | None,
        typer.Option("--note", metavar="TEXT", help="Note; '' removes it.", show_default=False),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option("--title", metavar="TEXT", help="Title; '' removes it.", show_default=False),
    ] = None,
    archive: Annotated[
        bool | None,
        typer.Option("--archive/--unarchive", help="Hide the run from lists, or show it again."),
    ] = None,
    runs: RunsDirectory = None,
    json_: AsJson = False,
) -> int:
    """Tag, note, title or archive runs; without an option, print their labels.

    Labels lie in labels.json beside run.toml: they may change at any time, the run never does.
    """
    from asgml.app.commands.label import Changes, label

    changes = Changes(tuple(tag or ()), tuple(untag or ()), note, title, archive)
    return label(run, runs, changes, json_)


@table_app.command()
def rename(
    run: RunRef,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="The new title; '' removes it.")],
    runs: RunsDirectory = None,
) -> int:
    """Give a run a title, by which it is listed and found.

    Its directory and its name in the manifest stay.
    """
    from asgml.app.commands.label import Changes, label

    return label([run], runs, Changes(title=title), False)


@table_app.command()
def delete(
    run: Several,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    runs: RunsDirectory = None,
) -> int:
    """Delete runs with all their checkpoints, after a question.

    Exit code 4: a run that trains, or may train, is never deleted; nor is any other one then.
    """
    from asgml.app.commands.delete import delete

    return delete(run, runs, yes)
