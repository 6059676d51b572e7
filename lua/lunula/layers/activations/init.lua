return { relu = "ReLU", softmax = "Softmax" }
