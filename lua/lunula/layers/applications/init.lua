return { custom_scale_layer = "CustomScaleLayer", layer_scale = "LayerScale" }
