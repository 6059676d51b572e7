return { thresholded_relu = "ThresholdedReLU" }
