"""Sound as spectrograms: presets against independent references, broken files by their message."""

from __future__ import annotations

import pickle
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from media_kit import chirp, lag, write_sound, write_video
from numpy.typing import NDArray
from scipy import signal

from asgml.core.data.base import DataError
from asgml.core.data.clips.clips import Source
from asgml.core.data.media.audio_decoder import (
    AudioDecoder,
    audio_facts,
    audio_fault,
    audio_modality,
)
from asgml.core.data.media.media_file import MediaError
from asgml.core.data.media.mel import slaney_filters
from asgml.core.data.media.spectrogram_presets import PRESETS
from asgml.core.data.media.waveform import read_waveform, resample, tile

SECONDS = {"stft": 3.0, "stft16k": 3.0, "logmel": 3.0, "fbank": 3.0, "vggsound": 10.0}


def decode(
    path: Path, preset: str, seconds: float | None = None, **part: float
) -> NDArray[np.float32]:
    decoder = AudioDecoder(preset, seconds or SECONDS[preset])
    decoded = decoder.decode(Source((path,), **part), "clip")
    assert decoded.shape == decoder.shape and decoded.dtype == decoder.dtype == torch.float16
    return decoded[0].float().numpy()


# The presets against independent references


def librosa_stft(
    path: Path, rate: int, seconds: float, n_fft: int, hop: int
) -> NDArray[np.float32]:
    """The published code in librosa's terms, with the padding of its time and enough tiles."""
    from uncompiled_librosa import load, stft

    wave, _ = load(path, sr=rate, mono=True)
    length = int(seconds * rate)
    wave = np.clip(np.tile(wave, 1 + length // len(wave))[:length], -1, 1).astype(np.float64)
    return np.log(np.abs(stft(wave, n_fft=n_fft, hop_length=hop, pad_mode="reflect")) + 1e-7)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 48000])
def test_stft_is_the_published_spectrogram(tmp_path: Path, rate: int) -> None:
    path = write_sound(tmp_path / "a.wav", chirp(rate, 2.0) + noise(rate, 2.0), rate)
    np.testing.assert_allclose(
        decode(path, "stft"), librosa_stft(path, 22050, 3, 512, 353), atol=0.01
    )


def test_stft_of_three_and_of_ten_seconds_has_the_published_shapes() -> None:
    assert AudioDecoder("stft", 3).shape == (1, 257, 188)
    assert AudioDecoder("stft", 10).shape == (1, 257, 625)


def test_stft16k_is_the_transform_of_the_paper_s_text(tmp_path: Path) -> None:
    """Against scipy's, which centres nothing: windows of 512 samples that overlap by 353."""
    path = write_sound(tmp_path / "a.wav", chirp(16000, 3.0) + noise(16000, 3.0), 16000)
    wave, _ = read_waveform(path)
    _, _, found = signal.stft(
        wave.astype(np.float64),
        window="hann",
        nperseg=512,
        noverlap=353,
        boundary=None,
        padded=False,
    )
    undone = 256  # the window's sum, which scipy divides by
    np.testing.assert_allclose(
        decode(path, "stft16k"), np.log(np.abs(found) * undone + 1e-7), atol=0.01
    )
    assert AudioDecoder("stft16k", 3).shape == (1, 257, 299)
    assert AudioDecoder("stft16k", 10).shape == (1, 257, 1004)


def test_vggsound_is_the_published_transform_of_ten_seconds(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", chirp(22050, 2.3) + noise(22050, 2.3), 22050)
    np.testing.assert_allclose(
        decode(path, "vggsound"), librosa_stft(path, 16000, 10, 256, 128), atol=0.01
    )


def test_vggsound_shows_the_network_five_of_ten_seconds() -> None:
    modality = audio_modality("vggsound", 10.0)
    assert modality.decoder.shape == (1, 129, 1251) and modality.shape == (1, 129, 626)
    stored = torch.zeros(2, *modality.decoder.shape, dtype=torch.float16)
    assert (
        modality.view(stored, torch.Generator()).shape
        == modality.view(stored, None).shape
        == (2, *modality.shape)
    )


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "vggsound"])
def test_the_other_presets_show_all_that_is_stored(preset: str) -> None:
    modality = audio_modality(preset, 3.0)
    stored = torch.randn(2, *modality.decoder.shape).half()
    assert modality.shape == modality.decoder.shape
    assert torch.equal(modality.view(stored, torch.Generator()), stored.float())


def test_logmel_is_the_formula_in_numpy(tmp_path: Path) -> None:
    """A twin with scipy's transform and librosa's filters."""
    from scipy.signal import get_window
    from uncompiled_librosa import mel

    wave = tile(chirp(16000, 3.0) + noise(16000, 3.0), 48000).astype(np.float64)
    padded = np.pad(wave, 256, mode="reflect")
    window = np.pad(get_window("hann", 400), 56)
    columns = [
        np.abs(np.fft.rfft(padded[start : start + 512] * window)) ** 2
        for start in range(0, 48001, 160)
    ]
    wanted = np.log(mel(sr=16000, n_fft=512, n_mels=128) @ np.stack(columns, axis=1) + 1e-10)
    path = write_sound(tmp_path / "a.wav", chirp(16000, 3.0) + noise(16000, 3.0), 16000)
    assert wanted.shape == (128, 301)
    np.testing.assert_allclose(decode(path, "logmel"), wanted, atol=0.01)


@pytest.mark.parametrize(
    ("rate", "size", "bands"), [(16000, 512, 128), (22050, 2048, 80), (44100, 1024, 40)]
)
def test_mel_filters_are_those_of_librosa(rate: int, size: int, bands: int) -> None:
    from uncompiled_librosa import mel

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # librosa warns of a filter that catches nothing
        wanted = mel(sr=rate, n_fft=size, n_mels=bands)
    np.testing.assert_allclose(
        slaney_filters(rate, size, bands).numpy(), wanted, rtol=1e-5, atol=1e-8
    )


def buzz(rate: int) -> NDArray[np.float32]:
    """The signal of the golden numbers: a rising tone with all odd overtones, around 0.01."""
    time = np.arange(round(rate * 1.5)) / rate
    return (0.3 * np.tanh(10 * np.sin(2 * np.pi * (100 * time + 400 * time * time))) + 0.01).astype(
        np.float32
    )


# torchaudio 2.11.0 with torch 2.11.0, once, in an environment of its own, by the lines of OGM-GE's
# process_audio.py: frames 0, 20, 75 and 147 (the last before the padding), bins 3, 20, 64, 100 and
# 127, and the mean of all 148 frames.
GOLDEN = {
    16000: (
        [
            [-1.1124, 0.3377, 0.2544, -0.2428, -1.107],
            [-1.1124, -0.0679, 0.5007, -0.0476, 0.2089],
            [-1.1124, -0.3282, -0.0433, -0.1149, 0.7613],
            [-1.1124, -0.8497, 0.4806, 0.7092, 0.1637],
        ],
        -0.07962,
    ),
    22050: (
        [
            [0.5418, -0.1007, 0.231, -0.4931, -1.1124],
            [-0.4074, -0.4677, -0.0842, 0.4584, -0.103],
            [-0.9291, -0.5332, 0.4164, 0.3852, 0.6716],
            [-0.5394, -0.6445, 0.2121, -0.2061, 0.5438],
        ],
        -0.05651,
    ),
    44100: (
        [
            [0.6706, 0.5436, 0.0653, -1.1124, -1.1124],
            [-0.4205, -0.537, 0.5058, 0.0984, -1.0842],
            [-0.8424, -0.0652, 0.5227, -0.5938, 0.1877],
            [-1.1063, -0.8834, -0.1699, -0.7211, 0.7178],
        ],
        -0.08884,
    ),
}


@pytest.mark.parametrize("rate", GOLDEN)
def test_fbank_has_the_numbers_of_torchaudio(rate: int) -> None:
    done = AudioDecoder("fbank", 3).spectrogram(buzz(rate), rate).numpy()
    rows, mean = GOLDEN[rate]
    np.testing.assert_allclose(done[[0, 20, 75, 147]][:, [3, 20, 64, 100, 127]], rows, atol=2e-4)
    assert done[:148].mean(dtype=np.float64) == pytest.approx(mean, abs=2e-5)


def test_fbank_pads_before_it_normalises() -> None:
    done = AudioDecoder("fbank", 3).spectrogram(buzz(16000), 16000).numpy()
    np.testing.assert_allclose(done[148:], 4.503877 / (2 * 5.141276), rtol=1e-6)
    assert done.shape == (1024, 128)


def test_fbank_is_kaldis() -> None:
    """kaldi-native-fbank is Kaldi's own C++. It refuses rates at which a filter is empty."""
    kaldi = pytest.importorskip("kaldi_native_fbank")
    options = kaldi.FbankOptions()
    options.frame_opts.samp_freq, options.frame_opts.window_type, options.frame_opts.dither = (
        44100,
        "hanning",
        0.0,
    )
    options.mel_opts.num_bins, options.htk_compat, options.use_energy = 128, True, False
    computer = kaldi.OnlineFbank(options)
    wave = buzz(44100) - buzz(44100).mean()
    computer.accept_waveform(44100, wave.tolist())
    computer.input_finished()
    theirs = np.stack([computer.get_frame(i) for i in range(computer.num_frames_ready)])
    ours = AudioDecoder("fbank", 3).spectrogram(buzz(44100), 44100).numpy()[: len(theirs)]
    assert len(theirs) == 148
    np.testing.assert_allclose(ours, (theirs + 4.503877) / (2 * 5.141276), atol=1e-3)


def test_fbank_by_the_definition_of_kaldi(tmp_path: Path) -> None:
    """A slow twin, frame by frame and filter by filter, at a file's own rate."""
    rate, wave = 11025, buzz(11025).astype(np.float64)
    done = decode(write_sound(tmp_path / "a.wav", buzz(rate), rate), "fbank")
    wave = wave - wave.mean()
    width, shift, size = 275, 110, 512
    edges = np.linspace(1127 * np.log(1 + 20 / 700), 1127 * np.log(1 + rate / 2 / 700), 130)
    for number in (0, 30, 140):
        frame = wave[number * shift : number * shift + width]
        frame = frame - frame.mean()
        frame = frame - 0.97 * np.concatenate([frame[:1], frame[:-1]])
        power = np.abs(np.fft.rfft(frame * np.hanning(width), size)) ** 2
        places = 1127 * np.log(1 + np.arange(257) * rate / size / 700)
        energy = [
            np.sum(power * np.interp(places, edges[i : i + 3], [0, 1, 0])) for i in range(128)
        ]
        wanted = (np.log(np.maximum(energy, 2.0**-23)) + 4.503877) / (2 * 5.141276)
        np.testing.assert_allclose(done[number], wanted, atol=2e-3)


def test_fbank_cuts_a_long_sound(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", np.tile(buzz(16000), 8), 16000)
    assert (np.abs(decode(path, "fbank") - 4.503877 / (2 * 5.141276)) > 1e-3).any(axis=1).all()


@pytest.mark.parametrize("preset", PRESETS)
def test_float16_rounds_by_less_than_a_hundredth(tmp_path: Path, preset: str) -> None:
    path = write_sound(tmp_path / "a.wav", chirp(16000, 3.0), 16000)
    whole = AudioDecoder(preset, SECONDS[preset]).spectrogram(*read_waveform(path)).numpy()
    assert 0 < np.abs(decode(path, preset) - whole).max() < 0.01


# Reading


def noise(rate: int, seconds: float) -> NDArray[np.float32]:
    return (0.01 * np.random.default_rng(1).standard_normal(round(rate * seconds))).astype(
        np.float32
    )


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_sound_files_read_as_librosa_does(tmp_path: Path, name: str) -> None:
    from uncompiled_librosa import load

    path = write_sound(tmp_path / name, chirp(44100, 1.0), 44100)
    wave, rate = read_waveform(path)
    assert rate == 44100 and wave.dtype == np.float32
    np.testing.assert_array_equal(resample(wave, rate, 22050), load(path, sr=22050)[0])


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
def test_resampling_is_librosas_to_the_last_sample(rate: int) -> None:
    import uncompiled_librosa

    wave = noise(rate, 0.377)
    np.testing.assert_array_equal(
        resample(wave, rate, 16000),
        uncompiled_librosa.resample(wave, orig_sr=rate, target_sr=16000),
    )


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = chirp(16000, 1.0), noise(16000, 1.0)
    wave, _ = read_waveform(write_sound(tmp_path / "a.wav", np.stack([left, right], axis=1), 16000))
    np.testing.assert_allclose(wave, (left + right) / 2, atol=1e-7)
    assert audio_facts(Source((tmp_path / "a.wav",))) == {
        "seconds": 1.0,
        "rate": 16000,
        "channels": 2,
    }


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("seconds", [0.03, 0.4, 12.0])
def test_a_clip_of_any_length_fills_the_shape(tmp_path: Path, preset: str, seconds: float) -> None:
    assert np.isfinite(
        decode(write_sound(tmp_path / "a.wav", chirp(16000, seconds), 16000), preset)
    ).all()


def test_a_short_clip_is_repeated_until_it_is_long_enough() -> None:
    wave = np.arange(1.0, 5.0, dtype=np.float32) / 10
    np.testing.assert_array_equal(
        tile(wave, 11), np.float32([0.1, 0.2, 0.3, 0.4] * 2 + [0.1, 0.2, 0.3])
    )
    np.testing.assert_array_equal(tile(np.float32([2.0, -3.0]), 3), [1, -1, 1])


def test_a_part_of_a_file_is_that_part(tmp_path: Path) -> None:
    whole = chirp(16000, 3.0)
    path = write_sound(tmp_path / "a.wav", whole, 16000)
    part, _ = read_waveform(path, 1.25, 0.5)
    np.testing.assert_array_equal(part, whole[20000:28000])
    np.testing.assert_array_equal(read_waveform(path, 2.5, 9.0)[0], whole[40000:])
    other = write_sound(tmp_path / "b.wav", part, 16000)
    np.testing.assert_array_equal(
        decode(path, "stft", start=1.25, seconds=3),
        decode(write_sound(other, whole[20000:], 16000), "stft"),
    )


@pytest.mark.parametrize(("name", "late"), [("a.mp4", 0), ("a.mkv", 0), ("a.flv", 1024)])
def test_the_sound_of_a_video_is_its_sound_track(tmp_path: Path, name: str, late: int) -> None:
    """flv has no place for the coder's delay of 1024 samples; mkv and flv count milliseconds."""
    wave = chirp(22050, 8.0)
    path = write_video(
        tmp_path / name,
        200,
        sound=(wave, 22050, "aac"),
        codec="flv" if name == "a.flv" else "mpeg4",
    )
    found, rate = read_waveform(path)
    assert rate == 22050 and abs(len(found) - len(wave)) < 2048
    assert lag(found, wave) == late
    np.testing.assert_allclose(found[late : len(wave)], wave[: len(wave) - late], atol=0.1)
    part, _ = read_waveform(path, 6.0, 1.0)
    assert len(part) == 22050
    assert abs(lag(part, found[6 * 22050 : 7 * 22050])) <= 22


def test_uncompressed_sound_of_a_video_is_exact(tmp_path: Path) -> None:
    wave = np.round(chirp(16000, 8.0) * 32767) / 32768
    path = write_video(tmp_path / "a.avi", 200, sound=(wave.astype(np.float32), 16000, "pcm_s16le"))
    np.testing.assert_allclose(read_waveform(path)[0], wave, atol=1 / 32768)
    np.testing.assert_allclose(
        read_waveform(path, 6.5, 0.5)[0], wave[104000:112000], atol=1 / 32768
    )
    assert audio_facts(Source((path,))) == {
        "seconds": pytest.approx(8.0, abs=0.01),
        "rate": 16000,
        "channels": 1,
    }


def test_real_speech_has_the_published_spectrogram(shared_data: Path) -> None:
    path = sorted((shared_data / "grid_files" / "AudioWAV").glob("*.wav"))[7]
    assert audio_fault(Source((path,))) is None
    assert audio_facts(Source((path,)))["rate"] == 16000
    np.testing.assert_allclose(
        decode(path, "stft"), librosa_stft(path, 22050, 3, 512, 353), atol=0.01
    )


# What is refused


def broken(folder: Path) -> dict[str, tuple[Path, str, str]]:
    """Name -> file, kind of fault, a part of the message."""
    good = write_sound(folder / "good.wav", chirp(16000, 1.0), 16000, "PCM_16").read_bytes()
    made = {
        "zero bytes": ("zero.wav", b"", "empty", "0 bytes"),
        "text": ("text.wav", b"<html>404</html>" * 9, "unreadable", "cannot be read as sound"),
        "no video": (
            "text.mp4",
            b"<html>404</html>" * 9,
            "unreadable",
            "cannot be read as sound or video",
        ),
        "cut off": (
            "cut.wav",
            good[:9000],
            "short",
            "cut off: 8956 bytes of sound where its head promises 32000",
        ),
        "no samples": ("none.wav", good[:40] + struct.pack("<I", 0), "empty", "holds no sound"),
        "lfs": (
            "lfs.wav",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "missing",
            "git lfs pull",
        ),
        "a line break": ("a\nb.wav", b"no", "unreadable", "cannot be read as sound"),
    }
    for name, content, _, _ in made.values():
        (folder / name).write_bytes(content)
    found = {what: (folder / name, kind, says) for what, (name, _, kind, says) in made.items()}
    found["missing"] = (folder / "nowhere.wav", "missing", "no such file")
    found["a folder"] = (folder, "unreadable", "is not a file")
    found["not finite"] = (
        write_sound(folder / "nan.wav", np.full(9000, np.nan, np.float32), 16000),
        "unreadable",
        "no finite numbers",
    )
    found["10 ms"] = (
        write_sound(folder / "ms.wav", chirp(16000, 0.01), 16000),
        "short",
        "holds 10 ms of sound; expected 25",
    )
    found["mute video"] = (write_video(folder / "mute.mp4", 10), "empty", "has no sound track")
    found["slow"] = (
        write_sound(folder / "slow.wav", chirp(16000, 1.0), 7),
        "unreadable",
        "claims 7 samples a second",
    )
    return found


BROKEN = [
    "zero bytes",
    "text",
    "no video",
    "cut off",
    "no samples",
    "lfs",
    "a line break",
    "missing",
    "a folder",
    "not finite",
    "10 ms",
    "mute video",
    "slow",
]


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_an_error_of_one_line(tmp_path: Path, what: str) -> None:
    path, kind, says = broken(tmp_path)[what]
    with pytest.raises(DataError) as caught:
        AudioDecoder("stft", 3).decode(Source((path,)), "clip")
    assert says in str(caught.value) and path.name.replace("\n", "\\n") in str(caught.value)
    assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)
    fault = audio_fault(Source((path,)))
    assert fault and fault[0] == kind and says in fault[1] and str(path) not in fault[1]


def test_every_broken_file_is_tested(tmp_path: Path) -> None:
    assert sorted(broken(tmp_path)) == sorted(BROKEN)


def test_a_part_beyond_the_end_is_an_error(tmp_path: Path) -> None:
    for path in (
        write_sound(tmp_path / "a.wav", chirp(16000, 1.0), 16000),
        write_video(tmp_path / "a.mp4", 25, sound=(chirp(16000, 1.0), 16000, "aac")),
    ):
        source = Source((path,), 5.0, 2.0)
        with pytest.raises(DataError, match=r"holds no sound from second 5 on"):
            AudioDecoder("stft", 3).decode(source, "clip")
        assert audio_fault(source) == (
            "short",
            "holds no sound from second 5 on; expected some samples",
        )


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.flv"])
def test_a_cut_off_sound_track_is_named(tmp_path: Path, name: str) -> None:
    codec = "flv" if name == "a.flv" else "mpeg4"
    front = (
        {"movflags": "faststart"} if name == "a.mp4" else {}
    )  # else the end that is lost holds the index, and nothing can be read
    path = write_video(
        tmp_path / name,
        100,
        sound=(chirp(16000, 4.0), 16000, "aac"),
        codec=codec,
        container_options=front,
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 4])
    fault = audio_fault(Source((path,)))
    assert fault and fault[0] == "short" and "s of sound where its head promises 4." in fault[1]


def test_a_wav_from_a_pipe_has_no_true_length_and_is_read(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", chirp(16000, 1.0), 16000, "PCM_16")
    content = bytearray(path.read_bytes())
    content[40:44] = content[4:8] = b"\xff" * 4
    path.write_bytes(content)
    assert len(read_waveform(path)[0]) == 16000


def test_silence_is_decoded_and_reported(tmp_path: Path) -> None:
    quiet = write_sound(
        tmp_path / "a.wav", np.full(16000, 0.25, np.float32) + 1e-3 * noise(16000, 1.0), 16000
    )
    silent = write_sound(tmp_path / "b.wav", np.zeros(16000, np.float32), 16000)
    np.testing.assert_allclose(decode(silent, "stft"), np.log(1e-7), atol=0.01)
    for path in (quiet, silent):
        fault = audio_fault(Source((path,)))
        assert fault and fault[0] == "silent"
    assert audio_fault(Source((write_sound(tmp_path / "c.wav", noise(16000, 1.0), 16000),))) is None


@pytest.mark.parametrize("moment", ["open", "read"])
def test_what_the_disk_refuses_is_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = write_sound(tmp_path / "a.wav", chirp(16000, 1.0), 16000)

    def refuse(*given: object, **named: object) -> None:
        raise PermissionError(13, "Permission denied")

    if moment == "open":
        monkeypatch.setattr(Path, "open", refuse)
    else:
        import soundfile

        monkeypatch.setattr(soundfile.SoundFile, "read", refuse)
    fault = audio_fault(Source((path,)))
    assert fault and fault[0] == "unreadable" and "Permission denied" in fault[1]


def test_several_files_are_not_one_sound(tmp_path: Path) -> None:
    for paths in ((), (tmp_path / "a.wav", tmp_path / "b.wav")):
        with pytest.raises(
            DataError, match=f"{len(paths)} files given as the sound of one clip; expected one"
        ):
            AudioDecoder("stft", 3).decode(Source(paths), "clip")


@pytest.mark.parametrize(
    ("preset", "seconds", "says"),
    [("mfcc", 3, "one of stft, stft16k, logmel, fbank, vggsound"), ("stft", 0, "0.1 to 600")],
)
def test_unknown_settings_are_refused(preset: str, seconds: float, says: str) -> None:
    with pytest.raises(DataError, match=says):
        audio_modality(preset, seconds)


# What other processes and the cache rely on


@pytest.mark.parametrize("preset", PRESETS)
def test_a_decoder_is_the_same_in_another_process(preset: str) -> None:
    decoder = AudioDecoder(preset, 3.0)
    assert pickle.loads(pickle.dumps(decoder)) == decoder  # noqa: S301  our own bytes


def test_an_error_crosses_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(MediaError(Path("a.wav"), "short", "cut off")))  # noqa: S301  our own bytes
    assert (str(error), error.kind, error.reason, error.path) == (
        "a.wav: cut off",
        "short",
        "cut off",
        Path("a.wav"),
    )


def test_settings_tell_apart_what_decodes_differently() -> None:
    decoders = [AudioDecoder(preset, seconds) for preset in PRESETS for seconds in (3.0, 10.0)]
    settings = [repr(decoder.settings) for decoder in decoders]
    assert len(set(settings)) == 2 * len(PRESETS) - 1  # fbank has a length of its own
    assert repr(AudioDecoder("stft", 3).settings) == repr(
        AudioDecoder("stft", 3.0).settings
    )  # one cache for both
