"""The meaning of the options that several data sets share."""

from __future__ import annotations

CLIP_OPTIONS = {
    "modalities": 'the ones to use; `["audio"]` alone needs no frames on the disk; none: all',
    "allow_missing": "train without the clips whose files are missing",
    "workers": "processes that decode; -1: one a core, at most 8",
    "cache": "`auto`: the prepared one, if any; `off`; `require`: never decode; or its path",
    "val": "clips of train that become validation where the lists have none; 0: a tenth",
}
FRAME_OPTIONS = CLIP_OPTIONS | {
    "frames": "images of a clip that the network sees",
    "choice": "which: `uniform`: the middles of equal parts; `first`; "
    "`random`: drawn from the clip's name",
    "fps": "images a second in the folder of frames, or to take from the video",
    "frame_size": "height and width at which images are stored",
    "crop": "side of the square that the network sees; more than `frame_size` has is wasted time",
    "augment": "random crop and mirror in training: `clip`: alike in all frames of a clip; "
    "`frame`: anew in each; `off`",
    "source": "of the images: `images`, `video`, or `auto`: images where there is a folder of them",
    "lists": "the folder of the lists; none: a default one",
    "frames_folder": "the folder of the frames, in the data's folder or anywhere; none: a default",
    "video_folder": "the folder of the videos; none: a default one",
}
AUDIO_VISUAL_OPTIONS = FRAME_OPTIONS | {
    "audio": "preset: `stft` (22 050 Hz), `stft16k` (the papers' 257 × 1004 for ten seconds), "
    "`logmel`, `fbank`, `vggsound`",
    "seconds": "length of the spectrogram; a shorter sound is repeated, a longer one cut",
    "audio_folder": "the folder of the sound files; none: a default one",
}
IN_MEMORY_OPTIONS = {
    "modalities": "the ones to use, in this order; none: all",
    "normalize": "subtract the mean and divide by the deviation of the training split",
}
