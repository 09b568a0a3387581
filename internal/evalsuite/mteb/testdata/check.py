"""Reads XQuADRetrieval.json, which mteb_test.go holds Write against, with mteb.

How to run, from this folder:

    python3 -m venv /tmp/mteb
    /tmp/mteb/bin/pip install mteb==2.26.24
    /tmp/mteb/bin/python check.py

It needs no network once installed, and prints what mteb makes of the file.
"""

from pathlib import Path

import mteb
from mteb.results import ModelResult, TaskResult

path = Path(__file__).parent / "XQuADRetrieval.json"
result = TaskResult.from_disk(path, load_historic_data=False)
assert result == TaskResult.from_disk(path)
assert result == TaskResult.from_dict(result.to_dict())
assert result.eval_splits == ["validation"], result.eval_splits
assert sorted(result.hf_subsets) == ["th", "th-en"], result.hf_subsets
assert sorted(result.languages) == ["eng", "tha"], result.languages
assert result.get_score(languages=["eng"]) == 0.5
assert result.get_score(languages=["tha-Thai"], getter=lambda s: s["hit_rate_at_1"]) == 0.875
task = mteb.get_task(result.task_name, hf_subsets=["th"])
assert result.scores["validation"][0]["main_score"] == result.scores["validation"][0][task.metadata.main_score]
assert result.scores["validation"][0]["languages"] == task.metadata.hf_subsets_to_langscripts["th"]
model = ModelResult(model_name="query-synergy/fused", model_revision="1", task_results=[result])
print(mteb.__version__, model.to_dataframe(), sep="\n")
