"""Architectures that are written out here: those of torchvision's kind and others that no package of the fixtures has.

Small: few layers, few channels. All of them can be scripted unless fixture_architectures.py says otherwise.
"""

from collections import OrderedDict
from typing import Dict, List, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv_norm(channels_in, channels, kernel=3, stride=1, groups=1, dilation=1, activation=nn.ReLU):
    layers = [nn.Conv2d(channels_in, channels, kernel, stride, dilation * (kernel // 2), dilation, groups, bias=False),
              nn.BatchNorm2d(channels)]
    return nn.Sequential(*layers, *([activation()] if activation else []))


# --- classifiers ------------------------------------------------------------------------------------------------------
class AlexNet(nn.Module):
    """Its pooling to 6x6 divides no image of the sizes used here."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 11, 4, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
            nn.Conv2d(16, 48, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
            nn.Conv2d(48, 32, 3, padding=1), nn.ReLU(inplace=True))
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(32 * 36, 64), nn.ReLU(inplace=True), nn.Linear(64, 10))

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class Fire(nn.Module):
    def __init__(self, channels_in, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Conv2d(channels_in, squeeze, 1)
        self.expand1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x), inplace=True)
        return torch.cat([F.relu(self.expand1(x)), F.relu(self.expand3(x))], 1)


class SqueezeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 3, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(32, 8, 32), Fire(64, 8, 32),
            nn.MaxPool2d(3, 2, ceil_mode=True), Fire(64, 16, 64), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(128, 16, 64))
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Conv2d(128, 10, 1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1)))

    def forward(self, x):
        return torch.flatten(self.classifier(self.features(x)), 1)


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    batch, channels, height, width = x.size()
    x = x.view(batch, groups, channels // groups, height, width)
    return torch.transpose(x, 1, 2).contiguous().view(batch, channels, height, width)


class ShuffleUnit(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.stride = stride
        half = channels // 2
        self.branch1 = nn.Sequential()
        if stride > 1:
            self.branch1 = nn.Sequential(conv_norm(channels_in, channels_in, 3, stride, channels_in, activation=None),
                                         conv_norm(channels_in, half, 1))
        self.branch2 = nn.Sequential(conv_norm(channels_in if stride > 1 else half, half, 1),
                                     conv_norm(half, half, 3, stride, half, activation=None), conv_norm(half, half, 1))

    def forward(self, x):
        if self.stride == 1:
            x1, x2 = x.chunk(2, dim=1)
            out = torch.cat((x1, self.branch2(x2)), dim=1)
        else:
            out = torch.cat((self.branch1(x), self.branch2(x)), dim=1)
        return channel_shuffle(out, 2)


class ShuffleNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 24, 3, 2), nn.MaxPool2d(3, 2, 1))
        self.stages = nn.Sequential(ShuffleUnit(24, 48, 2), ShuffleUnit(48, 48, 1), ShuffleUnit(48, 96, 2), ShuffleUnit(96, 96, 1))
        self.head = nn.Linear(96, 10)

    def forward(self, x):
        return self.head(self.stages(self.stem(x)).mean([2, 3]))


class GoogLeNet(nn.Module):
    """With its two further classifiers, of which a call in eval mode uses none, and the input's transformation."""

    class Inception(nn.Module):
        def __init__(self, channels_in, a, b, c, d):
            super().__init__()
            self.branch1 = conv_norm(channels_in, a, 1)
            self.branch2 = nn.Sequential(conv_norm(channels_in, b // 2, 1), conv_norm(b // 2, b))
            self.branch3 = nn.Sequential(conv_norm(channels_in, c // 2, 1), conv_norm(c // 2, c))
            self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), conv_norm(channels_in, d, 1))

        def forward(self, x):
            return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 16, 7, 2), nn.MaxPool2d(3, 2, ceil_mode=True), conv_norm(16, 32))
        self.inception = nn.Sequential(self.Inception(32, 16, 16, 8, 8), nn.MaxPool2d(3, 2, ceil_mode=True),
                                       self.Inception(48, 16, 32, 8, 8))
        self.auxiliary = nn.Sequential(nn.AdaptiveAvgPool2d((4, 4)), nn.Flatten(), nn.Linear(64 * 16, 10))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = torch.cat((torch.unsqueeze(x[:, 0], 1) * 0.458 - 0.03, torch.unsqueeze(x[:, 1], 1) * 0.448 - 0.088,
                       torch.unsqueeze(x[:, 2], 1) * 0.45 - 0.188), 1)
        x = self.inception(self.stem(x))
        if self.training:
            return self.auxiliary(F.interpolate(x, size=[8, 8])).sum() + self.fc(x.mean([2, 3]))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, (1, 1)), 1))


class TorchvisionViT(nn.Module):
    """Its blocks use nn.MultiheadAttention, which in eval mode is one fused operator; the class token is expanded."""

    class Block(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
            self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
            self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(0.1), nn.Linear(2 * width, width))

        def forward(self, x):
            y = self.ln_1(x)
            y, _ = self.attention(y, y, y, need_weights=False)
            x = x + y
            return x + self.mlp(self.ln_2(x))

    def __init__(self, width=48, patch=16, image=64):
        super().__init__()
        self.patch, self.width = patch, width
        self.conv_proj = nn.Conv2d(3, width, patch, patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embedding = nn.Parameter(torch.randn(1, (image // patch) ** 2 + 1, width) * 0.02)
        self.layers = nn.Sequential(self.Block(width, 4), self.Block(width, 4))
        self.ln = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        n, c, h, w = x.shape
        torch._assert(h % self.patch == 0, f"a height of {h} is not of whole patches")
        x = self.conv_proj(x).reshape(n, self.width, (h // self.patch) * (w // self.patch)).permute(0, 2, 1)
        x = torch.cat([self.class_token.expand(n, -1, -1), x], dim=1)
        return self.head(self.ln(self.layers(x + self.pos_embedding))[:, 0])


class VideoNet(nn.Module):
    """R(2+1)D: convolutions over space, then over time."""

    def __init__(self):
        super().__init__()
        def part(channels_in, channels, stride):
            return nn.Sequential(
                nn.Conv3d(channels_in, 16, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False), nn.BatchNorm3d(16),
                nn.ReLU(inplace=True),
                nn.Conv3d(16, channels, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False), nn.BatchNorm3d(channels))
        self.stem, self.down, self.same = part(3, 16, 2), part(16, 32, 2), part(32, 32, 1)
        self.avgpool = nn.AdaptiveAvgPool3d((1, 1, 1))
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.down(F.relu(self.stem(x))))
        x = F.relu(x + self.same(x))
        return self.fc(self.avgpool(x).flatten(1))


class MLPClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 32), nn.SELU(),
                                    nn.Linear(32, 5), nn.LogSoftmax(-1))

    def forward(self, x):
        return self.layers(x)


# --- dense prediction -------------------------------------------------------------------------------------------------
class Backbone(nn.Module):
    def __init__(self, dilated=True):
        super().__init__()
        self.stem = conv_norm(3, 16, 3, 2)
        self.low = nn.Sequential(conv_norm(16, 24, 3, 2), conv_norm(24, 24))
        self.high = nn.Sequential(conv_norm(24, 32, 3, 1 if dilated else 2, dilation=2 if dilated else 1), conv_norm(32, 32))

    def forward(self, x) -> Dict[str, Tensor]:
        out: Dict[str, Tensor] = {}
        out["low"] = self.low(self.stem(x))
        out["out"] = self.high(out["low"])
        return out


class FCN(nn.Module):
    """A dict of two maps as large as the image."""

    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.classifier = nn.Sequential(conv_norm(32, 16), nn.Dropout(0.1), nn.Conv2d(16, 5, 1))
        self.aux_classifier = nn.Sequential(conv_norm(24, 16), nn.Dropout(0.1), nn.Conv2d(16, 5, 1))

    def forward(self, x) -> Dict[str, Tensor]:
        input_shape = x.shape[-2:]
        features = self.backbone(x)
        result: Dict[str, Tensor] = {}
        result["out"] = F.interpolate(self.classifier(features["out"]), size=input_shape, mode="bilinear", align_corners=False)
        result["aux"] = F.interpolate(self.aux_classifier(features["low"]), size=input_shape, mode="bilinear",
                                      align_corners=False)
        return result


class ASPPPooling(nn.Sequential):
    def forward(self, x):
        size = x.shape[-2:]
        for each in self:
            x = each(x)
        return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


class DeepLab(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.convs = nn.ModuleList([conv_norm(32, 16, 1), *(conv_norm(32, 16, 3, dilation=rate) for rate in (2, 4, 6)),
                                    ASPPPooling(nn.AdaptiveAvgPool2d(1), conv_norm(32, 16, 1))])
        self.project = nn.Sequential(conv_norm(80, 16, 1), nn.Dropout(0.5))
        self.head = nn.Sequential(conv_norm(16, 16), nn.Conv2d(16, 5, 1))

    def forward(self, x) -> Dict[str, Tensor]:
        input_shape = x.shape[-2:]
        features = self.backbone(x)["out"]
        pyramid: List[Tensor] = []
        for conv in self.convs:
            pyramid.append(conv(features))
        out = self.head(self.project(torch.cat(pyramid, dim=1)))
        return {"out": F.interpolate(out, size=input_shape, mode="bilinear", align_corners=False)}


class LRASPP(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone(dilated=False)
        self.cbr = conv_norm(32, 16, 1)
        self.scale = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(32, 16, 1, bias=False), nn.Sigmoid())
        self.low_classifier, self.high_classifier = nn.Conv2d(24, 5, 1), nn.Conv2d(16, 5, 1)

    def forward(self, x) -> Dict[str, Tensor]:
        features = self.backbone(x)
        low, high = features["low"], features["out"]
        high = self.cbr(high) * self.scale(high)
        high = F.interpolate(high, size=low.shape[-2:], mode="bilinear", align_corners=False)
        out = self.low_classifier(low) + self.high_classifier(high)
        return {"out": F.interpolate(out, size=x.shape[-2:], mode="bilinear", align_corners=False)}


class PSPNet(nn.Module):
    """Pools to 1, 2, 3 and 6 cells, which a map of 16x16 is no multiple of."""

    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.pools = nn.ModuleList([nn.Sequential(nn.AdaptiveAvgPool2d(bins), conv_norm(32, 8, 1)) for bins in (1, 2, 3, 6)])
        self.head = nn.Sequential(conv_norm(64, 16), nn.Conv2d(16, 5, 1))

    def forward(self, x):
        features = self.backbone(x)["out"]
        maps = [features]
        for pool in self.pools:
            maps.append(F.interpolate(pool(features), features.shape[2:], mode="bilinear", align_corners=True))
        return F.interpolate(self.head(torch.cat(maps, 1)), scale_factor=4.0, mode="bilinear", align_corners=True)


class UNet(nn.Module):
    """Pads what it has brought up to the size of what it is joined with."""

    def __init__(self):
        super().__init__()
        self.inc, self.down1, self.down2 = conv_norm(3, 8), conv_norm(8, 16), conv_norm(16, 32)
        self.up1, self.join1 = nn.ConvTranspose2d(32, 16, 2, 2), conv_norm(32, 16)
        self.up2, self.join2 = nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=True), conv_norm(24, 8)
        self.out = nn.Conv2d(8, 2, 1)

    def join(self, x, skip):
        dy, dx = skip.size(2) - x.size(2), skip.size(3) - x.size(3)
        return torch.cat([skip, F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])], dim=1)

    def forward(self, x):
        a = self.inc(x)
        b = self.down1(F.max_pool2d(a, 2))
        c = self.down2(F.max_pool2d(b, 2))
        x = self.join1(self.join(self.up1(c), b))
        return self.out(self.join2(self.join(self.up2(x), a)))


class SSD(nn.Module):
    """Boxes of all levels, decoded against anchors made of the maps' sizes, and scores: two outputs."""

    def __init__(self, classes=4, anchors=2):
        super().__init__()
        self.classes = classes
        self.levels = nn.ModuleList([nn.Sequential(conv_norm(3, 16, 3, 2), conv_norm(16, 16, 3, 2)),
                                     conv_norm(16, 24, 3, 2), conv_norm(24, 24, 3, 2)])
        self.boxes = nn.ModuleList([nn.Conv2d(c, 4 * anchors, 3, padding=1) for c in (16, 24, 24)])
        self.scores = nn.ModuleList([nn.Conv2d(c, classes * anchors, 3, padding=1) for c in (16, 24, 24)])
        self.anchors = anchors

    def columns(self, x: Tensor, width: int) -> Tensor:
        n, _, h, w = x.shape
        return x.view(n, -1, width, h, w).permute(0, 3, 4, 1, 2).reshape(n, -1, width)

    def centres(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        ys = (torch.arange(h, dtype=torch.float32) + 0.5) / h
        xs = (torch.arange(w, dtype=torch.float32) + 0.5) / w
        y, x = torch.meshgrid(ys, xs, indexing="ij")
        return torch.stack([x.reshape(-1), y.reshape(-1)], 1).repeat_interleave(self.anchors, dim=0)

    def forward(self, x) -> Tuple[Tensor, Tensor]:
        all_boxes: List[Tensor] = []
        all_scores: List[Tensor] = []
        for level, box, score in zip(self.levels, self.boxes, self.scores):
            x = level(x)
            delta, centre = self.columns(box(x), 4), self.centres(x)
            middle = centre + delta[..., :2] * 0.1
            half = torch.exp(delta[..., 2:] * 0.2) * 0.5
            all_boxes.append(torch.cat([middle - half, middle + half], -1).clamp(0, 1))
            all_scores.append(self.columns(score(x), self.classes))
        return torch.cat(all_boxes, 1), F.softmax(torch.cat(all_scores, 1), -1)


class YOLO(nn.Module):
    """Darknet-like, with SiLU, SPPF, a path down and up, and a head that decodes by a grid in place."""

    def __init__(self, classes=3):
        super().__init__()
        self.outputs, self.anchors_each = 5 + classes, 3
        self.stem = nn.Sequential(conv_norm(3, 16, 6 - 1, 2, activation=nn.SiLU), conv_norm(16, 24, 3, 2, activation=nn.SiLU))
        self.deep = conv_norm(24, 32, 3, 2, activation=nn.SiLU)
        self.squeeze, self.pool, self.join = conv_norm(32, 16, 1, activation=nn.SiLU), nn.MaxPool2d(5, 1, 2), conv_norm(64, 32, 1)
        self.up = nn.Upsample(None, 2, "nearest")
        self.heads = nn.ModuleList([nn.Conv2d(56, 3 * self.outputs, 1), nn.Conv2d(32, 3 * self.outputs, 1)])
        self.register_buffer("anchors", torch.tensor([[10., 13, 16, 30, 33, 23], [30., 61, 62, 45, 59, 119]]).view(2, 1, 3, 1, 1, 2))
        self.strides = [4.0, 8.0]

    def decode(self, x: Tensor, anchors: Tensor, stride: float) -> Tensor:
        n, _, h, w = x.shape
        x = x.view(n, self.anchors_each, self.outputs, h, w).permute(0, 1, 3, 4, 2).contiguous()
        yv, xv = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        grid = torch.stack((xv, yv), 2).view(1, 1, h, w, 2).float()
        y = x.sigmoid()
        y[..., 0:2] = (y[..., 0:2] * 2.0 - 0.5 + grid) * stride
        y[..., 2:4] = (y[..., 2:4] * 2) ** 2 * anchors
        return y.view(n, -1, self.outputs)

    def forward(self, x):
        small = self.stem(x)
        large = self.squeeze(self.deep(small))
        once = self.pool(large)
        twice = self.pool(once)
        large = self.join(torch.cat((large, once, twice, self.pool(twice)), 1))
        joined = torch.cat((self.up(large), small), 1)
        z: List[Tensor] = []
        features = [joined, large]
        for i, head in enumerate(self.heads):
            z.append(self.decode(head(features[i]), self.anchors[i], self.strides[i]))
        return torch.cat(z, 1)


class SuperResolution(nn.Module):
    """ESPCN with the EDSR's residuals; the mean is taken off and put back, and a bicubic enlargement is added."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1))
        self.head, self.body = nn.Conv2d(3, 16, 3, padding=1), nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.PReLU(16))
        self.tail = nn.Sequential(nn.Conv2d(16, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x):
        y = self.head(x - self.mean)
        y = self.tail(y + self.body(y).mul(0.1))
        return y + F.interpolate(x, scale_factor=2.0, mode="bicubic", align_corners=False) + self.mean


class Inpainting(nn.Module):
    """Gated convolutions over reflected borders, instance norms, a mask as a second input."""

    def __init__(self):
        super().__init__()
        self.pad, self.gated = nn.ReflectionPad2d(2), nn.Conv2d(4, 32, 5, 2)
        self.norm = nn.InstanceNorm2d(16, affine=True)
        self.up, self.out = nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(16, 3, 3, padding=1, padding_mode="replicate")

    def forward(self, image, mask):
        value, gate = self.gated(self.pad(torch.cat([image * (1 - mask), mask], 1))).chunk(2, 1)
        filled = torch.tanh(self.out(self.up(self.norm(F.elu(value) * torch.sigmoid(gate)))))
        return torch.where(mask > 0.5, filled, image)


class StereoNet(nn.Module):
    """A cost volume of shifted features, then a soft argmin: disparities."""

    def __init__(self, shifts=4):
        super().__init__()
        self.shifts = shifts
        self.features = nn.Sequential(conv_norm(3, 8, 5, 2), nn.Conv2d(8, 8, 3, padding=1))
        self.matching = nn.Sequential(nn.Conv3d(8, 8, 3, padding=1), nn.BatchNorm3d(8), nn.LeakyReLU(0.2), nn.Conv3d(8, 1, 3, padding=1))

    def forward(self, left, right):
        a, b = self.features(left), self.features(right)
        volume = a.new_zeros(a.shape[0], a.shape[1], self.shifts, a.shape[2], a.shape[3])
        for i in range(self.shifts):
            if i > 0:
                volume[:, :, i, :, i:] = a[:, :, :, i:] - b[:, :, :, :-i]
            else:
                volume[:, :, i, :, :] = a - b
        cost = F.softmax(-self.matching(volume).squeeze(1), 1)
        disparity = (cost * torch.arange(self.shifts, dtype=torch.float32).view(1, -1, 1, 1)).sum(1, keepdim=True)
        return F.interpolate(disparity, scale_factor=2.0, mode="bilinear", align_corners=False)


class OpticalFlow(nn.Module):
    """A correlation of two images' features and a warp by the flow found (grid_sample)."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(conv_norm(3, 8, 3, 2), nn.Conv2d(8, 8, 3, padding=1))
        self.flow, self.refine = nn.Conv2d(17, 2, 3, padding=1), nn.Conv2d(10, 2, 3, padding=1)

    def warp(self, x, flow):
        h, w = x.shape[-2:]
        y, z = torch.meshgrid(torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij")
        grid = torch.stack((z, y), dim=-1).unsqueeze(0) + flow.permute(0, 2, 3, 1) * 0.1
        return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=True)

    def forward(self, first, second):
        a, b = self.encoder(first), self.encoder(second)
        flow = self.flow(torch.cat([a, b, (a * b).mean(1, keepdim=True)], 1))
        return flow + self.refine(torch.cat([self.warp(b, flow), flow], 1))


# --- generators and autoencoders --------------------------------------------------------------------------------------
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.ConvTranspose2d(32, 32, 4, 1, 0, bias=False), nn.BatchNorm2d(32), nn.ReLU(True),
            nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(True),
            nn.ConvTranspose2d(16, 3, 3, 2, 1, output_padding=1), nn.Tanh())

    def forward(self, z):
        return self.net(z.unsqueeze(-1).unsqueeze(-1))


class StyleGenerator(nn.Module):
    """Weights modulated and demodulated for each sample: AdaIN, noise of a buffer, a mapping normalised by its RMS."""

    def __init__(self):
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(16, 16), nn.LeakyReLU(0.2), nn.Linear(16, 16), nn.LeakyReLU(0.2))
        self.start = nn.Parameter(torch.randn(1, 8, 4, 4))
        self.style, self.conv = nn.Linear(16, 16), nn.Conv2d(8, 8, 3, padding=1)
        self.register_buffer("noise", torch.randn(1, 1, 8, 8))
        self.to_rgb = nn.Conv2d(8, 3, 1)

    def forward(self, z):
        w = self.mapping(z * torch.rsqrt(torch.mean(z ** 2, dim=1, keepdim=True) + 1e-8))
        x = F.interpolate(self.start.repeat(z.size(0), 1, 1, 1), scale_factor=2.0, mode="nearest")
        x = F.leaky_relu(self.conv(x) + 0.1 * self.noise, 0.2)
        scale, shift = self.style(w).view(-1, 2, 8, 1, 1).unbind(1)
        x = (x - x.mean([2, 3], keepdim=True)) / (x.var([2, 3], keepdim=True, unbiased=False) + 1e-5).sqrt()
        return self.to_rgb(x * (1 + scale) + shift)


class CycleGenerator(nn.Module):
    """Reflection pads, instance norms without weights, residual blocks."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, 8, 7), nn.InstanceNorm2d(8), nn.ReLU(True),
                                  nn.Conv2d(8, 16, 3, 2, 1), nn.InstanceNorm2d(16), nn.ReLU(True))
        self.block = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(16, 16, 3), nn.InstanceNorm2d(16))
        self.up = nn.Sequential(nn.ConvTranspose2d(16, 8, 3, 2, 1, output_padding=1), nn.InstanceNorm2d(8), nn.ReLU(True),
                                nn.ReflectionPad2d(3), nn.Conv2d(8, 3, 7), nn.Tanh())

    def forward(self, x):
        x = self.down(x)
        return self.up(x + self.block(x))


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.GELU(), nn.GroupNorm(4, 8), nn.Conv2d(8, 8, 3, 2, 1), nn.Flatten())
        self.mean, self.log_variance = nn.Linear(8 * 49, 8), nn.Linear(8 * 49, 8)
        self.decoder = nn.Sequential(nn.Linear(8, 8 * 49), nn.Unflatten(1, (8, 7, 7)), nn.ConvTranspose2d(8, 8, 3, 2, 1, 1), nn.SiLU(),
                                     nn.ConvTranspose2d(8, 1, 3, 2, 1, 1), nn.Sigmoid())

    def forward(self, x):
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.exp(0.5 * log_variance) if self.training else mean
        return self.decoder(z), mean, log_variance


class DiffusionUNet(nn.Module):
    """Sinusoidal time embeddings, group norms, attention over pixels."""

    def __init__(self, width=16):
        super().__init__()
        self.width = width
        self.time = nn.Sequential(nn.Linear(width, 32), nn.SiLU(), nn.Linear(32, width))
        self.inc, self.down = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, width, 3, 2, 1)
        self.norm, self.qkv, self.proj = nn.GroupNorm(4, width), nn.Conv1d(width, 3 * width, 1), nn.Conv1d(width, width, 1)
        self.out = nn.Conv2d(2 * width, 3, 3, padding=1)

    def forward(self, x, t):
        half = self.width // 2
        frequencies = torch.exp(-9.21 * torch.arange(half, dtype=torch.float32) / half)
        angles = t[:, None].float() * frequencies[None]
        embedding = self.time(torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1))
        skip = F.silu(self.inc(x) + embedding[:, :, None, None])
        h = self.down(skip)
        b, c, height, width = h.shape
        q, k, v = self.qkv(self.norm(h).reshape(b, c, height * width)).chunk(3, dim=1)
        weight = torch.softmax(torch.einsum("bct,bcs->bts", q, k) * c ** -0.5, dim=-1)
        h = h + self.proj(torch.einsum("bts,bcs->bct", weight, v)).view(b, c, height, width)
        return self.out(torch.cat([F.interpolate(h, scale_factor=2.0, mode="nearest"), skip], 1))


# --- sequences --------------------------------------------------------------------------------------------------------
class Tagger(nn.Module):
    def __init__(self, kind="LSTM", layers=2):
        super().__init__()
        self.embedding = nn.Embedding(50, 16, padding_idx=0)
        self.recurrent = getattr(nn, kind)(16, 12, layers, batch_first=True, bidirectional=True)
        self.head = nn.Linear(24, 7)

    def forward(self, tokens):
        return self.head(self.recurrent(self.embedding(tokens))[0])


class TimeFirstGRU(nn.Module):
    """[length, batch, features], with a first state: the new one is a result too."""

    def __init__(self):
        super().__init__()
        self.gru, self.head = nn.GRU(8, 12, 2), nn.Linear(12, 3)

    def forward(self, x, state):
        y, state = self.gru(x, state)
        return self.head(y[-1]), state


class Seq2Seq(nn.Module):
    """An LSTM encoder, and a decoder of LSTM cells with Bahdanau's attention, of five steps."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(40, 12)
        self.encoder, self.cell = nn.LSTM(12, 16, batch_first=True), nn.LSTMCell(12 + 16, 16)
        self.query, self.key, self.score = nn.Linear(16, 8), nn.Linear(16, 8), nn.Linear(8, 1)
        self.out = nn.Linear(16, 40)

    def forward(self, source):
        memory, (h, c) = self.encoder(self.embedding(source))
        h, c = h[0], c[0]
        keys = self.key(memory)
        token = torch.zeros(source.size(0), dtype=torch.long)
        logits: List[Tensor] = []
        for _ in range(5):
            weight = torch.softmax(self.score(torch.tanh(keys + self.query(h).unsqueeze(1))).squeeze(-1), -1)
            context = torch.bmm(weight.unsqueeze(1), memory).squeeze(1)
            h, c = self.cell(torch.cat([self.embedding(token), context], -1), (h, c))
            logits.append(self.out(h))
            token = logits[-1].argmax(-1)
        return torch.stack(logits, 1)


class CRNN(nn.Module):
    """Text in images: the columns of a convolution net read by an LSTM."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(conv_norm(1, 16), nn.MaxPool2d(2, 2), conv_norm(16, 32), nn.MaxPool2d((2, 1), (2, 1)),
                                 nn.Conv2d(32, 32, (8, 2), 1, 0), nn.ReLU(True))
        self.rnn, self.head = nn.LSTM(32, 16, bidirectional=True), nn.Linear(32, 11)

    def forward(self, x):
        y = self.cnn(x).squeeze(2).permute(2, 0, 1)
        y, _ = self.rnn(y)
        steps, batch, width = y.size()
        return F.log_softmax(self.head(y.reshape(steps * batch, width)).view(steps, batch, -1), 2)


class Encoder(nn.Module):
    """nn.TransformerEncoder: in eval mode, traced, its layers are one operator each."""

    def __init__(self, norm_first=False, activation="relu"):
        super().__init__()
        self.embedding = nn.Embedding(60, 32)
        self.register_buffer("positions", torch.randn(1, 64, 32) * 0.1)
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, norm_first=norm_first, activation=activation)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, tokens):
        x = self.embedding(tokens)
        return self.encoder(x + self.positions[:, :x.size(1)]).mean(1)


class MaskedEncoder(Encoder):
    def forward(self, tokens):
        x = self.embedding(tokens)
        return self.encoder(x + self.positions[:, :x.size(1)], src_key_padding_mask=tokens == 0)[:, 0]


class Transformer(nn.Module):
    """Encoder and decoder, with a causal mask."""

    def __init__(self):
        super().__init__()
        self.source, self.target = nn.Embedding(60, 32), nn.Embedding(60, 32)
        self.transformer = nn.Transformer(32, 4, 1, 1, 64, batch_first=True)
        self.out = nn.Linear(32, 60)

    def forward(self, source, target):
        length = target.size(1)
        mask = torch.full((length, length), float("-inf")).triu(1)
        return self.out(self.transformer(self.source(source), self.target(target), tgt_mask=mask))


class TextCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.EmbeddingBag(50, 16, mode="mean")
        self.words = nn.Embedding(50, 16)
        self.convs = nn.ModuleList([nn.Conv1d(16, 12, k) for k in (2, 3, 4)])
        self.head = nn.Linear(36, 4)

    def forward(self, tokens):
        x = self.words(tokens).transpose(1, 2)
        parts: List[Tensor] = []
        for conv in self.convs:
            parts.append(F.relu(conv(x)).max(dim=2)[0])
        return self.head(torch.cat(parts, 1))


class TCN(nn.Module):
    """Causal dilated convolutions whose padding is cut off, weight-normed."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv1d(4 if d == 1 else 16, 16, 3, padding=2 * d, dilation=d) for d in (1, 2, 4)])
        self.head = nn.Conv1d(16, 3, 1)

    def forward(self, x):
        for conv in self.convs:
            y = conv(x)
            y = F.relu(y[:, :, :-conv.padding[0]])
            x = x + y if x.size(1) == y.size(1) else y
        return self.head(x)


# --- sound ------------------------------------------------------------------------------------------------------------
class ConvTasNet(nn.Module):
    """Separates two voices: an encoder, masks by dilated blocks with a norm over all, a decoder."""

    class Block(nn.Module):
        def __init__(self, dilation):
            super().__init__()
            self.net = nn.Sequential(nn.Conv1d(16, 24, 1), nn.PReLU(), nn.GroupNorm(1, 24, eps=1e-8),
                                     nn.Conv1d(24, 24, 3, padding=dilation, dilation=dilation, groups=24), nn.PReLU(),
                                     nn.GroupNorm(1, 24, eps=1e-8), nn.Conv1d(24, 16, 1))

        def forward(self, x):
            return x + self.net(x)

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Conv1d(1, 32, 16, 8, bias=False), nn.ConvTranspose1d(32, 1, 16, 8, bias=False)
        self.norm, self.bottleneck = nn.GroupNorm(1, 32, eps=1e-8), nn.Conv1d(32, 16, 1)
        self.blocks, self.mask = nn.Sequential(self.Block(1), self.Block(2)), nn.Conv1d(16, 64, 1)

    def forward(self, x):
        w = self.encoder(x.unsqueeze(1))
        mask = torch.relu(self.mask(self.blocks(self.bottleneck(self.norm(w)))))
        mask = mask.view(x.size(0), 2, 32, -1)
        voices = (w.unsqueeze(1) * mask).flatten(0, 1)
        return self.decoder(voices).view(x.size(0), 2, -1)


class KeywordSpotter(nn.Module):
    """A spectrogram by convolution with a basis of Fourier, mel bands, a GRU."""

    def __init__(self, window=64):
        super().__init__()
        n = torch.arange(window, dtype=torch.float32)
        angles = 2 * torch.pi * n[None] * torch.arange(window // 2 + 1)[:, None] / window
        basis = torch.cat([torch.cos(angles), -torch.sin(angles)]) * torch.hann_window(window)
        self.register_buffer("basis", basis.unsqueeze(1))
        self.register_buffer("mel", torch.rand(12, window // 2 + 1))
        self.gru, self.head = nn.GRU(12, 16, batch_first=True), nn.Linear(16, 5)

    def forward(self, x):
        x = F.pad(x.unsqueeze(1), (32, 32), mode="reflect")
        real, imaginary = F.conv1d(x, self.basis, stride=32).chunk(2, 1)
        energy = torch.matmul(self.mel, real.pow(2) + imaginary.pow(2))
        features = torch.log(energy.clamp(min=1e-5)).transpose(1, 2)
        return self.head(self.gru(features)[1][-1])


class WaveNet(nn.Module):
    """Gated dilated convolutions with skips."""

    def __init__(self):
        super().__init__()
        self.start = nn.Conv1d(1, 8, 1)
        self.filters = nn.ModuleList([nn.Conv1d(8, 16, 2, dilation=2 ** i) for i in range(4)])
        self.residuals = nn.ModuleList([nn.Conv1d(8, 16, 1) for _ in range(4)])
        self.end = nn.Sequential(nn.ReLU(), nn.Conv1d(8, 8, 1), nn.ReLU(), nn.Conv1d(8, 20, 1))

    def forward(self, x):
        x = self.start(x)
        skips: List[Tensor] = []
        for gate, residual in zip(self.filters, self.residuals):
            a, b = torch.split(gate(x), 8, dim=1)
            y = residual(torch.tanh(a) * torch.sigmoid(b))
            skips.append(y[:, :8])
            x = x[..., -y.size(2):] + y[:, 8:]
        length = skips[-1].size(2)
        total = skips[-1]
        for skip in skips[:-1]:
            total = total + skip[..., -length:]
        return self.end(total)


class ECAPA(nn.Module):
    """A speaker's embedding: Res2Net blocks, squeeze and excitation, statistics pooled by attention."""

    def __init__(self):
        super().__init__()
        self.inc = nn.Sequential(nn.Conv1d(20, 32, 5, padding=2), nn.ReLU(), nn.BatchNorm1d(32))
        self.parts = nn.ModuleList([nn.Conv1d(8, 8, 3, padding=2, dilation=2) for _ in range(3)])
        self.gate = nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Conv1d(32, 8, 1), nn.ReLU(), nn.Conv1d(8, 32, 1), nn.Sigmoid())
        self.attention = nn.Sequential(nn.Conv1d(96, 16, 1), nn.Tanh(), nn.Conv1d(16, 32, 1), nn.Softmax(2))
        self.head = nn.Linear(64, 16)

    def forward(self, x):
        x = self.inc(x)
        pieces = torch.split(x, 8, 1)
        outs: List[Tensor] = [pieces[0]]
        last = pieces[0]
        for i, part in enumerate(self.parts):
            last = F.relu(part(pieces[i + 1] + last))
            outs.append(last)
        y = torch.cat(outs, 1)
        y = x + y * self.gate(y)
        length = y.size(-1)
        context = torch.cat([y, y.mean(2, keepdim=True).repeat(1, 1, length),
                             y.var(2, keepdim=True).clamp(min=1e-4).sqrt().repeat(1, 1, length)], 1)
        weight = self.attention(context)
        mean = (y * weight).sum(2)
        deviation = torch.sqrt(((y ** 2 * weight).sum(2) - mean ** 2).clamp(min=1e-4))
        return F.normalize(self.head(torch.cat([mean, deviation], 1)), dim=-1)


class Conformer(nn.Module):
    """A block of speech recognisers: half feed-forwards, attention, a gated depthwise convolution."""

    def __init__(self, width=32):
        super().__init__()
        def feed_forward():
            return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        self.subsample = nn.Conv1d(20, width, 3, 2, 1)
        self.first, self.last, self.norm = feed_forward(), feed_forward(), nn.LayerNorm(width)
        self.attention_norm, self.attention = nn.LayerNorm(width), nn.MultiheadAttention(width, 4)
        self.convolution = nn.Sequential(nn.Conv1d(width, 2 * width, 1), nn.GLU(dim=1), nn.Conv1d(width, width, 7, padding=3, groups=width),
                                         nn.BatchNorm1d(width), nn.SiLU(), nn.Conv1d(width, width, 1))

    def forward(self, x):
        x = self.subsample(x).permute(2, 0, 1)
        x = x + 0.5 * self.first(x)
        y = self.attention_norm(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.convolution(x.permute(1, 2, 0)).permute(2, 0, 1)
        return self.norm(x + 0.5 * self.last(x)).transpose(0, 1)


# --- points, graphs, tables -------------------------------------------------------------------------------------------
class PointNet(nn.Module):
    """Points turned by a matrix that is computed of them, then a maximum over all."""

    def __init__(self):
        super().__init__()
        def shared(a, b):
            return nn.Sequential(nn.Conv1d(a, b, 1), nn.BatchNorm1d(b), nn.ReLU())
        self.transform, self.matrix = nn.Sequential(shared(3, 16), shared(16, 32)), nn.Linear(32, 9)
        self.features, self.head = nn.Sequential(shared(3, 16), shared(16, 32)), nn.Linear(32, 6)

    def forward(self, points):
        turn = self.matrix(torch.max(self.transform(points), 2)[0]).view(-1, 3, 3) + torch.eye(3)
        points = torch.bmm(points.transpose(2, 1), turn).transpose(2, 1)
        return F.log_softmax(self.head(torch.max(self.features(points), 2, keepdim=True)[0].flatten(1)), dim=1)


class DGCNN(nn.Module):
    """Edges to the nearest points: distances, top-k, gathered neighbours."""

    def __init__(self, k=4):
        super().__init__()
        self.k = k
        self.edge, self.head = nn.Sequential(nn.Conv2d(6, 16, 1, bias=False), nn.BatchNorm2d(16), nn.LeakyReLU(0.2)), nn.Linear(32, 4)

    def forward(self, x):
        inner = -2 * torch.matmul(x.transpose(2, 1), x)
        square = torch.sum(x ** 2, dim=1, keepdim=True)
        nearest = (-square - inner - square.transpose(2, 1)).topk(k=self.k, dim=-1)[1]
        batch, channels, count = x.size()
        flat = (nearest + torch.arange(0, batch).view(-1, 1, 1) * count).view(-1)
        points = x.transpose(2, 1).contiguous()
        around = points.view(batch * count, -1)[flat, :].view(batch, count, self.k, channels)
        points = points.view(batch, count, 1, channels).repeat(1, 1, self.k, 1)
        edges = torch.cat((around - points, points), dim=3).permute(0, 3, 1, 2).contiguous()
        y = self.edge(edges).max(dim=-1)[0]
        return self.head(torch.cat([y.max(dim=-1)[0], y.mean(dim=-1)], 1))


class GraphAttention(nn.Module):
    """[N, nodes, features] and an adjacency of booleans."""

    def __init__(self):
        super().__init__()
        self.linear, self.left, self.right = nn.Linear(6, 8, bias=False), nn.Linear(8, 1), nn.Linear(8, 1)

    def forward(self, x, adjacency):
        h = self.linear(x)
        score = F.leaky_relu(self.left(h) + self.right(h).transpose(1, 2), 0.2)
        return F.elu(torch.softmax(score.masked_fill(~adjacency, -1e9), -1) @ h)


class DLRM(nn.Module):
    """A recommender: embeddings of several tables, their products in pairs, the lower triangle of them."""

    def __init__(self):
        super().__init__()
        self.bottom = nn.Sequential(nn.Linear(5, 8), nn.ReLU())
        self.tables = nn.ModuleList([nn.Embedding(20, 8) for _ in range(3)])
        self.register_buffer("rows", torch.tril_indices(4, 4, -1)[0])
        self.register_buffer("columns", torch.tril_indices(4, 4, -1)[1])
        self.top = nn.Sequential(nn.Linear(14, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid())

    def forward(self, dense, sparse):
        x = self.bottom(dense)
        parts: List[Tensor] = [x]
        for i, table in enumerate(self.tables):
            parts.append(table(sparse[:, i]))
        stacked = torch.stack(parts, 1)
        products = torch.bmm(stacked, stacked.transpose(1, 2))
        return self.top(torch.cat([x, products[:, self.rows, self.columns]], 1)).squeeze(1)


class NBeats(nn.Module):
    """A forecast: each block takes what it explains off what is left."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 24 + 6)) for _ in range(3)])

    def forward(self, x):
        forecast = x.new_zeros(x.size(0), 6)
        left = x.flip(dims=(1,))
        for block in self.blocks:
            backcast, ahead = torch.split(block(left), [24, 6], dim=1)
            left = left - backcast
            forecast = forecast + ahead
        return forecast + x[:, -1:]


class NeuralField(nn.Module):
    """NeRF: positions in sines of many frequencies, a density and a colour by direction."""

    def __init__(self, bands=4):
        super().__init__()
        self.register_buffer("frequencies", 2.0 ** torch.arange(bands))
        self.trunk, self.density = nn.Sequential(nn.Linear(3 + 6 * bands, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU()), nn.Linear(32, 1)
        self.colour = nn.Sequential(nn.Linear(35, 16), nn.ReLU(), nn.Linear(16, 3), nn.Sigmoid())

    def forward(self, position, direction):
        scaled = (position[..., None, :] * self.frequencies[:, None]).flatten(-2)
        h = self.trunk(torch.cat([position, torch.sin(scaled), torch.cos(scaled)], -1))
        colour = self.colour(torch.cat([h, direction / direction.norm(dim=-1, keepdim=True)], -1))
        return torch.cat([colour, F.softplus(self.density(h) - 1)], -1)


class MixtureOfExperts(nn.Module):
    """All experts run; the two best of each row are weighed."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(12, 4)
        self.experts = nn.ModuleList([nn.Sequential(nn.Linear(12, 16), nn.Hardswish(), nn.Linear(16, 12)) for _ in range(4)])

    def forward(self, x):
        scores, picked = torch.topk(self.gate(x), 2, dim=-1)
        weights = torch.zeros(x.size(0), 4).scatter(1, picked, torch.softmax(scores, -1))
        outs: List[Tensor] = []
        for expert in self.experts:
            outs.append(expert(x))
        return (torch.stack(outs, 1) * weights.unsqueeze(-1)).sum(1)


class StateSpace(nn.Module):
    """Mamba-like: a selective scan written as a loop over a fixed number of steps, and a causal convolution."""

    def __init__(self, width=12, state=4):
        super().__init__()
        self.inc, self.conv = nn.Linear(width, 2 * width), nn.Conv1d(width, width, 3, padding=2, groups=width)
        self.project, self.step = nn.Linear(width, 2 * state + 1), nn.Linear(1, width)
        self.log_a, self.skip, self.out = nn.Parameter(torch.rand(width, state)), nn.Parameter(torch.ones(width)), nn.Linear(width, width)
        self.state = state

    def forward(self, x):
        x, gate = self.inc(x).chunk(2, -1)
        length = x.size(1)
        x = F.silu(self.conv(x.transpose(1, 2))[..., :length]).transpose(1, 2)
        step, b, c = torch.split(self.project(x), [1, self.state, self.state], dim=-1)
        step = F.softplus(self.step(step))
        decay = torch.exp(-step.unsqueeze(-1) * self.log_a.exp())
        drive = (step * x).unsqueeze(-1) * b.unsqueeze(2)
        h = torch.zeros(x.size(0), x.size(2), self.state)
        ys: List[Tensor] = []
        for t in range(length):
            h = decay[:, t] * h + drive[:, t]
            ys.append((h * c[:, t].unsqueeze(1)).sum(-1))
        return self.out((torch.stack(ys, 1) + x * self.skip) * F.silu(gate))


class Siamese(nn.Module):
    """One tower for two inputs: shared weights, a cosine."""

    def __init__(self):
        super().__init__()
        self.tower = nn.Sequential(conv_norm(1, 8, 3, 2), conv_norm(8, 16, 3, 2), nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(64, 16))

    def forward(self, a, b):
        x, y = self.tower(a), self.tower(b)
        return F.cosine_similarity(x, y), F.pairwise_distance(x, y)


class ContrastiveTextImage(nn.Module):
    """CLIP-like: two towers, normalised, a learnt scale; a named tuple's two results."""

    def __init__(self):
        super().__init__()
        self.image = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 16, 8, 8), flat=nn.Flatten(2)))
        self.text, self.scale = nn.Embedding(30, 16), nn.Parameter(torch.tensor(2.6))

    def forward(self, image, text):
        a, b = F.normalize(self.image(image).mean(-1), dim=-1), self.text(text).mean(1)
        b = b / b.norm(p=2, dim=-1, keepdim=True)
        logits = self.scale.exp() * (a * b).sum(-1, keepdim=True)
        return {"logits": logits, "image_embeds": a, "text_embeds": b}


class DeformableLike(nn.Module):
    """Unfolded patches, weighed by kernels computed of them (involution), folded back."""

    def __init__(self):
        super().__init__()
        self.kernel, self.out = nn.Conv2d(8, 9, 1), nn.Conv2d(8, 4, 1)
        self.inc = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        x = self.inc(x)
        n, c, h, w = x.shape
        patches = F.unfold(x, 3, padding=1).view(n, c, 9, h, w)
        return self.out((patches * self.kernel(x).unsqueeze(1)).sum(2))
