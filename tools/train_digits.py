"""Trains the small CNN of examples/data/ on scikit-learn's handwritten digits and writes every file there.

Only needed to make those files again; they are committed. From the top of the repository:

    .deps/venv/bin/pip install scikit-learn
    PYTHONHASHSEED=0 .deps/venv/bin/python tools/train_digits.py

The hash seed fixes the order of constants in scripted code. The same torch on the same kind of processor then gives the
same bytes; elsewhere the accuracy may differ by a few images.
"""

import pathlib
import warnings

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

OUT = pathlib.Path(__file__).resolve().parent.parent / "examples" / "data"
EPOCHS = 60
BATCH = 64
CALIBRATION_IMAGES = 128


class DigitsCnn(nn.Module):
    """[N, 1, 8, 8] grey values in 0..1 -> [N, 10] logits."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, 48),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(48, 10),
        )

    def forward(self, x):
        return self.classifier(self.features(x))


def to_input(pixels):
    """uint8 pixels [N, 8, 8] of 0..16 -> float32 [N, 1, 8, 8] of 0..1."""
    return torch.from_numpy(pixels).unsqueeze(1).float() / 16


def split_digits():
    digits = load_digits()
    return train_test_split(
        digits.images.astype(np.uint8), digits.target.astype(np.uint8),
        test_size=0.25, random_state=0, stratify=digits.target)


def train(model, images, labels):
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    model.train()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
        schedule.step()


def accuracy(model, images, labels):
    with torch.no_grad():
        return (model(images).argmax(1) == labels).double().mean().item()


def save_without_debug_records(module, path):
    """Saves a ScriptModule without its *.debug_pkl records: they hold the source paths of the machine that saved it."""
    module.save(str(path))
    reader = torch._C.PyTorchFileReader(str(path))
    records = {name: reader.get_record(name) for name in reader.get_all_records()}
    written_by_the_writer = ("version", "byteorder", ".data/serialization_id")
    writer = torch._C.PyTorchFileWriter(str(path))
    for name, data in records.items():
        if not name.endswith(".debug_pkl") and name not in written_by_the_writer:
            writer.write_record(name, data, len(data))
    writer.write_end_of_file()
    version = torch._C.PyTorchFileReader(str(path)).get_record("version")
    assert version == records["version"], f"{path.name}: format version changed to {version}"


def save_models(model, example):
    """The good scripted and traced files, and the two files made in train mode by mistake."""
    model.eval()
    save_without_debug_records(torch.jit.script(model), OUT / "digits_cnn.pt")
    save_without_debug_records(torch.jit.trace(model, example), OUT / "digits_cnn_traced.pt")
    model.train()
    save_without_debug_records(torch.jit.script(model), OUT / "digits_cnn_scripted_train.pt")
    with torch.no_grad():
        traced = torch.jit.trace(model, example, check_trace=False)
    save_without_debug_records(traced, OUT / "digits_cnn_traced_train.pt")


def main():
    warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    OUT.mkdir(parents=True, exist_ok=True)

    train_pixels, test_pixels, train_labels, test_labels = split_digits()
    model = DigitsCnn()
    train(model, to_input(train_pixels), torch.from_numpy(train_labels).long())
    model.eval()
    test_accuracy = accuracy(model, to_input(test_pixels), torch.from_numpy(test_labels).long())

    save_models(model, example=to_input(test_pixels[:2]))
    test_pixels.tofile(OUT / "digits_test_images.u8")
    test_labels.tofile(OUT / "digits_test_labels.u8")
    train_pixels[:CALIBRATION_IMAGES].tofile(OUT / "digits_calibration_images.u8")
    print(f"{len(test_pixels)} test images, accuracy {100 * test_accuracy:.2f} %")


if __name__ == "__main__":
    main()
