"""What a Llama of 70 billion parameters costs: an estimate, from arithmetic and the speed of a GPU.

    python tests/benchmarks/large_run_cost.py --entities 3000 --seeds 5

The published recipe: LoRA and 10 epochs; 4 test prompts with 10 templates per entity. The peak is the fastest matrix
product of results/bench/gpu, the least share of it what a training of one billion parameters reached there in steps of
64 short rows; larger matrices reach more, processes that wait for one another less.
"""

import argparse

from reversal_cli.training.costs import NetworkSize, StepCost

PEAK = 803e12
"""Operations a second of an H200 in bfloat16."""
SHARES = (0.05, 0.2, 0.4)
LLAMA_70B = NetworkSize(body=68_500_000_000, layers=80, width=8192, vocabulary=32_000, mirrored=True, frozen=True)
ROWS_PER_ENTITY = 120
"""Of each of the three groups, with the default templates: 30 rows of two groups, and 60 of the third."""
TOKENS, LABELS = 30, 6
"""Of a row; the second, on average, denoised."""
EPOCHS = 10
PROMPTS_PER_ENTITY, PROMPT_TOKENS = 40, 60
"""With the completion's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entities", type=int, default=3000, help="of each group")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    rows = ROWS_PER_ENTITY * options.entities
    row = StepCost(rows=1, tokens=TOKENS, pairs=TOKENS**2, labels=LABELS)
    training = options.seeds * EPOCHS * rows * LLAMA_70B.flops(row)
    prompts = PROMPTS_PER_ENTITY * options.entities
    completions = options.seeds * prompts * PROMPT_TOKENS * 2 * LLAMA_70B.body
    ranking = completions * options.entities
    print(f"{options.seeds} seeds x {EPOCHS} epochs x {rows:,} rows of {TOKENS} tokens; {prompts:,} prompts a seed\n")
    print("| share of the fastest matrix product | training | completions | ranking |\n|---|---|---|---|")
    for share in SHARES:
        hours = [f"{work / (share * PEAK) / 3600:,.0f}" for work in (training, completions, ranking)]
        print(f"| {share:.0%} | {' | '.join(hours)} |")


if __name__ == "__main__":
    main()
