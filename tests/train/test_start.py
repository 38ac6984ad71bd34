"""Training starts at once: it does not bring in torch's compiler."""

import subprocess
import sys


def test_training_does_not_import_torchs_compiler() -> None:
    script = (
        "import sys\n"
        "import numpy as np\n"
        "from rayline.core.columns import Target, Task\n"
        "from rayline.core.prepared import Layout, Prepared, Rows\n"
        "from rayline.models.networks.mlp import Config\n"
        "from rayline.spec.sections import Train\n"
        "from rayline.train.loop import fit\n"
        "inputs = Prepared(np.zeros((9, 1), np.float32), np.zeros((9, 1), np.int32))\n"
        "rows = Rows(inputs, np.zeros(9, np.float32), np.arange(9))\n"
        "network = Config().build(Layout(('a',), ('b',), (3,)), Target('y', Task.REGRESSION))\n"
        "fit(network, rows, rows, Train(epochs=1))\n"
        "assert 'torch._dynamo' not in sys.modules, 'torch._dynamo'\n"
        "assert 'ray' not in sys.modules, 'ray'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
