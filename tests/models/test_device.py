"""The device of a run."""

import pytest
import torch

from reversal_cli.errors import ReversalError
from reversal_cli.models.precision import choose_device


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_cuda_without_a_gpu_names_the_flag_and_recommends_what_works():
    with pytest.raises(ReversalError) as error:
        choose_device("cuda")
    assert str(error.value) == (
        "--device (training.device): 'cuda' cannot be used here: PyTorch finds no GPU; pass auto or cpu"
    )
