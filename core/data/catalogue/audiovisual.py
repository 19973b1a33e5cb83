"""Rows of CREMA-D, AVE, Kinetics-Sounds and VGGSound: names of folders, options, sizes."""

from __future__ import annotations

from asgml.core.data.catalogue.row import DataSet, DefaultDirs, Dirs, Sign
from asgml.core.data.catalogue.shared_options import AUDIO_VISUAL_OPTIONS

# Folders such as AudioWAV lie beside other data sets' lists too, so CREMA-D is tried last of all.
CREMAD_RANK = 6
FRAMES = ("visual/Image-{fps:02d}-FPS", "Image-{fps:02d}-FPS", "visual", "frames")

CREMAD = DataSet(
    title="CREMA-D",
    summary="CREMA-D: 91 actors speak 12 sentences in six emotions, 7442 clips of 2 to 3 s",
    modalities=("audio", "visual"),
    classes=6,
    give="a folder with AudioWAV/ and Image-01-FPS/ (or 03), or VideoFlash/ for both; "
    "and train.csv and test.csv of OGM-GE",
    loader="asgml.core.data.datasets.cremad:find_clips",
    options_class="asgml.core.data.datasets.cremad:CremadOptions",
    options=AUDIO_VISUAL_OPTIONS
    | {
        "train_list": "name of the list of train",
        "test_list": "name of the list of test",
        "val_list": "name of a list of validation",
        "class_order": "numbers of the classes: `ogm`: NEU HAP SAD FEA DIS ANG (OGM-GE, PMR, ARL, "
        "InfoReg); `alphabetical`: ANG DIS FEA HAP NEU SAD (MMPareto, Diagnosing & Re-learning)",
        "class_list": "a file with one class a line (`stat.csv`), which gives the order instead",
        "split": "`published`, or `actors`: nobody is in two splits",
        "folds": "with `actors`: folds that the actors are dealt to",
        "fold": "with `actors`: the fold for test, from 0; of the others, as many actors as make "
        "up a tenth of all clips (or `val`) are for validation",
    },
    signs=(
        Sign(("VideoFlash",), CREMAD_RANK),
        Sign(("AudioWAV", "Image-[0-9][0-9]-FPS"), CREMAD_RANK),
        Sign(("AudioWAV", "train.csv"), CREMAD_RANK),
        Sign(("Image-[0-9][0-9]-FPS", "train.csv"), CREMAD_RANK),
        Sign(("AudioWAV",), CREMAD_RANK),
    ),
    dirs=DefaultDirs(
        lists=Dirs(
            ("lists", "data", "data/CREMAD", "CREMAD", "cremad"),
            "train.csv",
            "they are in data/CREMAD of the OGM-GE repository",
        ),
        audio=Dirs(("AudioWAV", "audio", "AudioMP3"), "1001_IEO_ANG_HI.wav"),
        frames=Dirs(
            ("Image-{fps:02d}-FPS", "visual/Image-{fps:02d}-FPS", "visual"),
            "1001_IEO_ANG_HI/00000.jpg",
        ),
        video=Dirs(("VideoFlash", "Video", "VideoMP4", "video"), "1001_IEO_ANG_HI.flv"),
    ),
    clips=True,
    published={"train": 6698, "test": 744},
    source="lists of OGM-GE (Peng et al., CVPR 2022), counted; all 91 actors are in both",
    example="/data/CREMA-D",
)

AVE = DataSet(
    title="AVE",
    summary="AVE: 28 audio-visual events, in videos of 10 s each",
    modalities=("audio", "visual"),
    classes=28,
    give="a folder with the videos in AVE/, or their sound and frames; "
    "and trainSet.txt, valSet.txt and testSet.txt",
    loader="asgml.core.data.datasets.ave:find_clips",
    options_class="asgml.core.data.datasets.ave:AveOptions",
    options=AUDIO_VISUAL_OPTIONS
    | {"segment": "`event`: the part from its start to its end; `whole`: all ten seconds"},
    signs=(
        Sign(("trainSet.txt", "testSet.txt")),
        Sign(("*/trainSet.txt", "*/testSet.txt")),
    ),
    dirs=DefaultDirs(
        lists=Dirs(
            ("AVE_Dataset", "lists", "data", "data/AVE"),
            "trainSet.txt",
            "they come with the AVE_Dataset archive of the authors",
        ),
        audio=Dirs(("audio", "Audio", "wav", "wave_files", "AudioWAV"), "VideoID.wav"),
        frames=Dirs(
            (
                "Image-{fps:02d}-FPS",
                "visual/Image-{fps:02d}-FPS",
                "Image-{fps:02d}-FPS-SE",
                "visual",
                "frames",
            ),
            "VideoID/frame_00001.jpg",
        ),
        video=Dirs(("AVE", "video", "videos", "Video"), "VideoID.mp4"),
    ),
    clips=True,
    published={"train": 3339, "val": 402, "test": 402},
    source="lists of AVE (Tian et al., ECCV 2018), counted",
    example="/data/AVE_Dataset",
)

KINETICS_SOUNDS = DataSet(
    title="Kinetics-Sounds",
    summary="Kinetics-Sounds, the 31 classes of OGM-GE: actions that are seen and heard, "
    "clips of 10 s",
    modalities=("audio", "visual"),
    classes=31,
    give="a folder with the videos in video/, or their sound and frames; "
    "and my_train.txt and my_test.txt of OGM-GE",
    loader="asgml.core.data.datasets.kinetics_sounds:find_clips",
    options_class="asgml.core.data.datasets.kinetics_sounds:KsOptions",
    options=AUDIO_VISUAL_OPTIONS
    | {
        "train_list": "name of the list of train",
        "test_list": "name of the list of test",
        "class_list": "a file with the 31 names of the classes, one a line; none: 0 to 30",
    },
    signs=(
        Sign(("my_train.txt", "my_test.txt")),
        Sign(("*/my_train.txt", "*/my_test.txt")),
    ),
    dirs=DefaultDirs(
        lists=Dirs(
            ("lists", "data", "data/KineticSound", "KineticSound", "kinetics_sound"),
            "my_train.txt",
            "they are in data/KineticSound of the OGM-GE repository",
        ),
        audio=Dirs(("audio", "audios", "wav"), "ID.wav"),
        frames=Dirs(FRAMES, "ID/frame_00001.jpg"),
        video=Dirs(("video", "videos", "Video"), "ID.mp4"),
    ),
    clips=True,
    published={"train": 14799, "test": 2597},
    source="lists of OGM-GE (Peng et al., CVPR 2022), counted; its text says 15 k, 1.9 k and 1.9 k",
    example="/data/kinetics-sounds",
)

VGGSOUND = DataSet(
    title="VGGSound",
    summary="VGGSound: 309 kinds of sounds with the video that shows their source, clips of 10 s",
    modalities=("audio", "visual"),
    classes=309,
    give="a folder with the videos in video/, or their sound and frames; and vggsound.csv",
    loader="asgml.core.data.datasets.vggsound:find_clips",
    options_class="asgml.core.data.datasets.vggsound:VggSoundOptions",
    options=AUDIO_VISUAL_OPTIONS
    | {
        "list": "name of the list",
        "whole_videos": "the files are named by the id alone and hold the whole video, of which "
        "the ten seconds from the start are taken",
    },
    signs=(Sign(("vggsound.csv",)), Sign(("*/vggsound.csv",))),
    dirs=DefaultDirs(
        lists=Dirs(
            ("lists", "data", "data/VGGSound"),
            "vggsound.csv",
            "it is on the page of the authors, robots.ox.ac.uk/~vgg/data/vggsound",
        ),
        audio=Dirs(("audio", "audios", "wav"), "ID_000030.wav"),
        frames=Dirs(FRAMES, "ID_000030/00000.jpg"),
        # The last one is the path inside the public archives.
        video=Dirs(
            (
                "video",
                "videos",
                "Video",
                "scratch/shared/beegfs/hchen/train_data/VGGSound_final/video",
            ),
            "ID_000030.mp4",
        ),
    ),
    clips=True,
    published={"train": 168618, "test": 13954},
    source="OGM-GE (Peng et al., CVPR 2022): what was still to be had then; train includes val",
    example="/data/VGGSound",
)
