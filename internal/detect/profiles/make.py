#!/usr/bin/env python3
"""Makes profiles.txt from the profiles of langdetect 1.0.9 (Python's standard
library only; needs a network once):

    pip download --no-deps --no-binary :all: langdetect==1.0.9
    python3 make.py langdetect-1.0.9.tar.gz > profiles.txt

langdetect's profiles are Nakatani Shuyo's, counted over Wikipedia's abstracts;
Apache License 2.0, see LICENSE and NOTICE. Changed here: counts of upper and
lower case are added up, counts become costs, and only languages that share
their script with others here are kept, in that script.

The first line names the languages. Each other line is an n-gram, "_" being the
edge of a word, a tab, and two characters for each language that has it: "A" +
the language's place in the first line, and "!" + its cost. The cost is
-8 ln(share among the language's n-grams of that length), rounded, at most 92:
langdetect has left out what is rarer than 1e-5. Lines are sorted by their bytes.
"""

import hashlib
import json
import math
import sys
import tarfile
import unicodedata
from collections import defaultdict

SHA256 = "cbc1fef89f8d062739774bd51eda3da3274006b3661d199c2655f6b3f6d605a0"
LANGUAGES = {
    "LATIN": "af ca cs cy da de en es et fi fr hr hu id it lt lv nl no pl pt ro sk sl so sq sv sw tl tr vi",
    "CYRILLIC": "bg mk ru uk",
    "ARABIC": "ar fa ur",
    "DEVANAGARI": "hi mr ne",
}

with open(sys.argv[1], "rb") as f:
    if hashlib.file_digest(f, "sha256").hexdigest() != SHA256:
        sys.exit(f"{sys.argv[1]} is not the source archive of langdetect 1.0.9")
names = " ".join(LANGUAGES.values()).split()
lines = defaultdict(str)
with tarfile.open(sys.argv[1]) as archive:
    for script, languages in LANGUAGES.items():
        for language in languages.split():
            profile = json.load(archive.extractfile(f"langdetect-1.0.9/langdetect/profiles/{language}"))
            counts = defaultdict(int)
            for gram, count in profile["freq"].items():
                folded = gram.lower()
                if len(folded) == len(gram) and all(c == " " or script in unicodedata.name(c, "") for c in folded):
                    counts[folded.replace(" ", "_")] += count
            for gram, count in counts.items():
                cost = min(92, round(-8 * math.log(count / profile["n_words"][len(gram) - 1])))
                lines[gram] += chr(ord("A") + names.index(language)) + chr(ord("!") + cost)
out = open(sys.stdout.fileno(), "w", encoding="utf-8", newline="\n")
print(*names, file=out)
for gram in sorted(lines, key=str.encode):
    print(gram, lines[gram], sep="\t", file=out)
