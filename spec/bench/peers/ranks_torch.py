"""One rank of PyTorch's DDP on gloo, as ranks.lua: python ranks_torch.py MODEL ROWS STEPS EPOCHS,
with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT in the environment."""

import os
import sys
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

name, rows, steps, epochs = sys.argv[1], *map(int, sys.argv[2:5])
torch.set_num_threads(1)
torch.manual_seed(1)


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.dense = nn.LSTM(32, 128, 2, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        return self.dense(self.lstm(x)[0][:, -1])


MODELS = {
    "mlp": ((784,), lambda: nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))),
    "convnet": ((1, 28, 28), lambda: nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))),
    "lstm": ((100, 32), Lstm),
}

shape, make = MODELS[name]
size = int(os.environ.get("WORLD_SIZE", 1))
rank = int(os.environ.get("RANK", 0))
model = make()
if size > 1:
    dist.init_process_group("gloo")
    model = nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
rows //= size
x = torch.randn(rows * steps, *shape)
y = torch.randint(10, (rows * steps,))
for epoch in range(epochs):
    if size > 1:
        dist.barrier()
    start = time.perf_counter()
    for i in range(0, rows * steps, rows):
        optimizer.zero_grad()
        F.cross_entropy(model(x[i:i + rows]), y[i:i + rows]).backward()
        optimizer.step()
    if epoch > 0 and rank == 0:
        print(f"{1e3 * (time.perf_counter() - start) / steps:.4f} 0", flush=True)
if size > 1:
    dist.destroy_process_group()
