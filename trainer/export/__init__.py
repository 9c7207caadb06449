"""From a fitted estimator to the artefact: ONNX graph, parity check, manifest."""
