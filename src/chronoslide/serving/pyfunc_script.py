"""What MLflow runs to load the mapper ("models from code"): no object is pickled."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as `cli` does

from mlflow.models import set_model

from chronoslide.serving.pyfunc import LandslideMapper

set_model(LandslideMapper())
