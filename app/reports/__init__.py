"""Reports: tables, figures and the checklist of a plan or a folder of runs, as files."""
