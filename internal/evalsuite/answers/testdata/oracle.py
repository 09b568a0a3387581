"""Makes what package answers is held against, with NLTK itself.

How to run, from this folder:

    python3 -m venv /tmp/nltk
    /tmp/nltk/bin/pip install nltk==3.10.4
    /tmp/nltk/bin/pip download --no-deps -d /tmp/nltk llama-index-core==0.14.25
    unzip -d /tmp/nltk /tmp/nltk/llama_index_core-*.whl '*/nltk_cache/tokenizers/*'
    export NLTK_DATA=/tmp/nltk/llama_index/core/_static/nltk_cache
    /tmp/nltk/bin/python oracle.py XQUAD_FOLDER

That package carries the Punkt models (tokenizers/punkt_tab), which NLTK itself
gets from GitHub.

tokens.json lists texts with the tokens of word_tokenize, as they are ("tokens")
and without Punkt ("words"). The texts are our own; those under "random" are
strung together from what the rules look at, and have no "tokens".

xquad.json has, for each language, a checksum of the tokens of each passage, and
what the measure gives, one character a question that counts, 1 or 0, for each
budget. The n-th question's ranking is the passages in their own order from (n modulo 40)
before its own on, beginning again at the end.
"""

import json
import pathlib
import random
import sys
import zlib

from nltk.tokenize import word_tokenize

TEXTS = [
    "",
    " \n\t ",
    ".",
    "...",
    "..",
    '"',
    '""',
    '"""',
    "''",
    "'''",
    "''''",
    "'",
    "`",
    "```",
    "-----",
    "'' ''\" \"'' (''x'') <\"y\"> {''z''}",
    '"The tram is late," she said. "It always is."',
    "\"''Twice quoted'' words\" end here.",
    "A line\n\"quoted\" on the next one.",
    "He asked: 'Is it far?' 'No,' she said, 'not far.'",
    "rock 'n' roll in the '90s, and the 'hood",
    "It's the dogs' bowl, isn't it? They'll've gone; we'd know. I'M SURE HE CAN'T.",
    "the bakers' (old) trade, the bakers'! the bakers', the bakers'\nand the bakers'",
    "it's' 'it's' don't's x'n't 'tis 'twas n't 'll",
    "I cannot go, so gimme that; we're gonna leave, I gotta run, lemme see, more'n enough, d'ye hear?",
    "I wanna go. I wanna. Wanna-be, wanna, WANNA go, cannot-do, (cannot)",
    "At 12:30, note: 3,400 items,each 1,5 kg:fine,, a,,b a::b ,5 :5 a,,5 x,",
    "x:",
    "x,\n",
    "Prices: $5.20, £4.10, 50% off & more; mail a@b.org, see #7 * twice",
    "wait...what? no.. yes . . . well....",
    "see https://example.org/a?b=c&d=[e] or C:\\dir\\file.txt",
    "range 1990–1995 — a pause ― and 5‒6 and a‐b and well--known---dash",
    "«Bonjour», dit-elle. “Curly,” ‘single,’ „unten“ it’s l’été.",
    "The list [a] {b} <c> (d).",
    "It ends in a bracket.)",
    'It ends in quotes."',
    "It ends in curly quotes.”",
    "It ends in both.' )\" ",
    'It ends in an opening quote. "',
    "It ends in an abbreviation, etc..",
    "A tab\there, no\u00a0break, a\u3000wide\u2003space\u2028and lines\r\n.",
    "Dr. Vale met Mrs. Okoye in the U.S. on Jan. 5. They spoke at 9 a.m. and left.",
    "Acme Inc. was founded in 1931. It made lamps. The lamps sold well!",
    "J. Alder wrote it in vol. 3. Nobody read it?! He did.",
    "The town (pop. 3,000.) is small.[4] The next (see below.) is large.",
    "The river rose (it was May.) and fell. 'Why?' she asked. \"Because.\" Then silence.",
    "It cost 40. The rest was free. It weighs 3. as they say.",
    "Gen. Ortiz vs. Lt. Brandt, ca. 1850, c. 1851 in St. Gallen, Calif. and Mass. too.",
    "¿Dónde está el río? ¡Allí! El puente mide 1.200,5 m. Lo dijo el Sr. Gil.",
    "İstanbul'da hava 25° idi. Ankara'nın nüfusu 5,6 milyon. Ali'nin kitabı 'güzel'di.",
    "Der Zug fährt um 8.15 Uhr ab. „Schnell!“, rief sie; und zwar am 3. Mai.",
    "Η πόλη είναι παλιά; Ναι. Ο ποταμός περνά από 'δω.",
    "Река течёт на юг. Длина — 350 км. «Да», сказал он.",
    "河流向南流。长度为350公里，最深处12.5米。“是的”，他说（笑）。",
    "แม่น้ำไหลไปทางใต้ ยาว 350 กม. เขาพูดว่า 'ใช่'",
    "नदी दक्षिण की ओर बहती है। लंबाई ३५० किमी है, 'हाँ' उसने कहा.",
    "يجري النهر جنوبا. طوله ٣٥٠ كم، قال: \"نعم\"؟",
    "a\u0301'b e\u0308' 中'文 ١,٢ 1,٢ a:٢ ½'s ²' emoji 🙂's 👩‍🚀.",
]

rng = random.Random(20240611)
ATOMS = list("'''\"\"``..,:;()[]{}<>«»“”‘’„-–—?!*@#$%&  \n\t\u00a0\u3000ab5é中_\u0660")
ATOMS += ["'s", "'ll", "n't", "N'T", "'re", "cannot", "wanna", "not", "the", "  ", "...", ". ", "? "]
ATOMS += [' "', "' ", "--", "3,4", "12:30", "U.S."]
RANDOM = ["".join(rng.choice(ATOMS) for _ in range(rng.randint(1, 14))) for _ in range(1000)]

here = pathlib.Path(__file__).parent


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write(name, groups):
    """Writes groups of entries, an entry a line."""
    parts = [
        compact(group) + ":[\n" + ",\n".join(map(compact, entries)) + "\n]"
        for group, entries in groups.items()
    ]
    (here / name).write_text("{" + ",\n".join(parts) + "}\n", encoding="utf-8")


write(
    "tokens.json",
    {
        "texts": [
            {"text": t, "words": word_tokenize(t, preserve_line=True), "tokens": word_tokenize(t)}
            for t in TEXTS
        ],
        "random": [{"text": t, "words": word_tokenize(t, preserve_line=True)} for t in RANDOM],
    },
)


def hit(passages, answers, budget):
    tokens = []
    for p in passages:
        tokens += p
    text = " ".join(tokens[:budget])
    return any(a in text for a in answers)


xquad = []
for lang in ("en", "es", "tr", "zh"):
    data = json.loads(pathlib.Path(sys.argv[1], f"xquad.{lang}.json").read_text(encoding="utf-8"))
    paragraphs = [p for article in data["data"] for p in article["paragraphs"]]
    tokens = [word_tokenize(p["context"]) for p in paragraphs]
    budgets = {2000: "", 5000: ""}
    n = 0
    for at, p in enumerate(paragraphs):
        for qa in p["qas"]:
            answers = [a["text"] for a in qa["answers"]]
            order = [tokens[(at - n % 40 + k) % len(tokens)] for k in range(len(tokens))]
            spans = [a for a in answers if a not in ("yes", "no")]
            for budget in budgets if spans else ():
                budgets[budget] += "01"[hit(order, spans, budget)]
            n += 1
    xquad.append({
        "lang": lang,
        "crc32": " ".join(f"{zlib.crc32(' '.join(t).encode()):08x}" for t in tokens),
        "found": budgets,
    })
write("xquad.json", {"languages": xquad})
