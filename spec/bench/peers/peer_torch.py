"""PyTorch: peer_torch.py eager, channels_last (both also train) or jit, which is
torch.jit.optimize_for_inference. Training takes the fused Adam, without a loader."""

import sys
import warnings

warnings.simplefilter("ignore")

import torch
import torch.nn.functional as F

import data
import torch_models
import worker


def class_loss(output, y):
    return F.nll_loss(torch.log(output), y)


def ctc_loss(x):
    """As Keras calls it: of logits (batch, frames, classes)."""
    batch, frames, _ = x.shape
    labels = torch.from_numpy(data.labels())
    logs = F.log_softmax(x.transpose(0, 1), -1)
    return F.ctc_loss(logs, labels, torch.full((batch,), frames),
                      torch.full((batch,), labels.shape[1]), reduction="none")


def ctc_back(x):
    x = x.clone().requires_grad_()
    ctc_loss(x).sum().backward()
    return x.grad


class Peer:
    def __init__(self, mode):
        self.mode = mode
        torch.set_num_threads(worker.threads())

    def made(self, name, x):
        model, x = torch_models.make(name), torch_models.to_torch(x)
        if self.mode == "channels_last":
            if x.dim() != 4:
                raise NotImplementedError("is eager here")
            model = model.to(memory_format=torch.channels_last)
            x = x.contiguous(memory_format=torch.channels_last)
        return model, x

    def predict(self, name, x):
        model, x = self.made(name, x)
        if self.mode == "jit":
            with torch.no_grad():
                model = torch.jit.optimize_for_inference(torch.jit.trace(model, x))

        def call():
            with torch.inference_mode():
                return model(x)
        call(), call()                               # the first ones compile
        return call

    def op(self, name, x):
        if self.mode != "eager":
            raise NotImplementedError("is eager")
        x = torch.from_numpy(x)
        return {"sort": lambda: torch.sort(x), "argsort": lambda: torch.argsort(x, stable=True),
                "top_k": lambda: torch.topk(x, 10), "rfft": lambda: torch.fft.rfft(x),
                "ctc_loss": lambda: ctc_loss(x), "ctc_loss_back": lambda: ctc_back(x)}[name.removesuffix("_rows")]

    def train(self, name, x, y):
        if self.mode == "jit":
            raise NotImplementedError("is for inference")
        model, x = self.made(name, x)
        model.train()
        by_class = data.loss(name) != "mse"
        loss_of, y = class_loss if by_class else F.mse_loss, torch.tensor(y)
        y = y.long() if by_class else y
        adam = torch.optim.Adam(model.parameters(), fused=True)

        def call():
            adam.zero_grad(set_to_none=True)
            loss = loss_of(model(x), y)
            loss.backward()
            adam.step()
            return loss.item()
        return call


worker.serve(Peer(sys.argv[1]))
