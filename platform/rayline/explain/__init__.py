"""Why a predictor answers as it does, measured from outside: it is only asked for predictions."""
