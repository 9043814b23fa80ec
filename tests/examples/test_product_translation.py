"""The product translation example, offline and from its command line."""

import errno
import json
from pathlib import Path

import pytest

from llm_composition_patterns.patterns.parallelization import example

SIMULATED = ("--model", "simulated:simulated/translator-small", "--trace", "off")


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of a command line."""
    try:
        code = example.main(argv)
    except SystemExit as ended:
        code = int(ended.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def one_line(err: str) -> str:
    """The one line of an error."""
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    return lines[0]


def test_the_demo_translates_product_5(capsys: pytest.CaptureFixture[str]):
    """Both languages come back, named, labeled simulated, with everything that must not change unchanged."""
    code, out, err = run(capsys, "--product", "5", "--languages", "spanish", "fr", *SIMULATED, "--json")
    assert code == 0
    whole = json.loads(out)
    assert whole["simulated"] is True
    assert whole["failures"] == []
    [result] = whole["results"]
    assert list(result["translations"]) == ["spanish", "french"]
    original, spanish = result["original"], result["translations"]["spanish"]
    for kept in ("product_name", "price", "available_sizes", "product_line_id", "category_id"):
        assert spanish[kept] == original[kept]
    for changed in ("available_colors", "product_features", "fabric_details", "other_details"):
        assert spanish[changed] != original[changed]
        assert len(spanish[changed]) == len(original[changed])
    assert result["status"]["french"]["ok"] is True
    assert result["status"]["french"]["findings"] == []
    assert whole["usage"]["calls"] == 2
    assert "SIMULATED" in err


def test_it_prints_a_report(capsys: pytest.CaptureFixture[str]):
    """Without --json a person reads the original, the translations, what was measured, and a timeline."""
    code, out, _ = run(capsys, "--product", "5", "--languages", "german", *SIMULATED)
    assert code == 0
    for shown in (
        "High Meadow Sun Hoodie",
        "English",
        "German  (SIMULATED",
        "1 of 1 translations",
        "speed-up",
        "cost $0",
    ):
        assert shown in out
    assert "translate_to_german" in out


def test_it_draws_what_ran_when(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """--timeline writes a picture with a row for each language below its product; the answer is the same without it."""
    path = tmp_path / "timeline.svg"
    arguments = ("--product", "5", "6", "--languages", "german", "french", *SIMULATED, "--json")
    code, out, err = run(capsys, *arguments, "--timeline", str(path))
    assert code == 0
    assert [result["product_id"] for result in json.loads(out)["results"]] == [5, 6]
    assert err.endswith(f"timeline written: {path}\n")
    svg = path.read_text()
    for name in ("translate_products", "translate_product_5", "translate_product_6"):
        assert svg.count(f">{name}</text>") == 1
    assert svg.count(">translate_to_german</text>") == 2


def test_the_gift_card_translates_what_it_has(capsys: pytest.CaptureFixture[str]):
    """Product 37 has no name, no features and no fabric; what it has is translated, what it lacks stays null."""
    code, out, _ = run(capsys, "--product", "37", "--languages", "japanese", *SIMULATED, "--json")
    assert code == 0
    [result] = json.loads(out)["results"]
    japanese = result["translations"]["japanese"]
    assert japanese["product_features"] is None
    assert japanese["product_name"] is None
    assert japanese["available_sizes"][0] == "$25"
    assert japanese["other_details"] != result["original"]["other_details"]


def test_many_products_are_a_table(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """All products run at once; each is one line on the screen and one file on the disk."""
    code, out, _ = run(capsys, "--product", "all", "--languages", "spanish", *SIMULATED, "--output", str(tmp_path))
    assert code == 0
    assert "44 of 44 translations, 0 failed" in out
    assert len(list(tmp_path.glob("translation_*_*.json"))) == 44


def test_a_file_has_the_whole_product(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """The written file says what --json says of the product."""
    target = tmp_path / "new" / "directory"
    code, out, _ = run(capsys, "--product", "5", *SIMULATED, "--json", "--output", str(target))
    assert code == 0
    [path] = target.iterdir()
    assert json.loads(path.read_text()) == json.loads(out)["results"][0]
    assert set(json.loads(path.read_text())) == {"product_id", "original", "translations", "status", "simulated"}


def test_languages_are_deduplicated(capsys: pytest.CaptureFixture[str]):
    """A name and a tag of the same language are one branch."""
    code, out, _ = run(capsys, "--languages", "spanish", "es", "Spanish", *SIMULATED, "--json")
    assert code == 0
    assert list(json.loads(out)["results"][0]["translations"]) == ["spanish"]


def test_the_same_seed_gives_the_same_answer(capsys: pytest.CaptureFixture[str]):
    """Two runs with one seed translate alike."""
    texts = []
    for _ in range(2):
        _, out, _ = run(capsys, "--product", "5", "--languages", "french", *SIMULATED, "--seed", "7", "--json")
        texts.append(json.loads(out)["results"][0]["translations"])
    assert texts[0] == texts[1]


def test_findings_alone_are_no_failure_unless_strict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """A check that found something is shown; only --strict makes the exit code 3."""
    monkeypatch.setattr(
        "llm_composition_patterns.patterns.parallelization.product_translation.translate.findings",
        lambda *_: ["fabric_details[0]: number 88 is missing"],
    )
    argv = ("--product", "5", "--languages", "french", *SIMULATED, "--json")
    code, out, err = run(capsys, *argv)
    assert code == 0
    assert "number 88 is missing" in err
    assert json.loads(out)["results"][0]["status"]["french"]["findings"] == ["fabric_details[0]: number 88 is missing"]
    assert run(capsys, *argv, "--strict")[0] == 3


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("--product", "99"), "unknown product '99'; the catalog has 1 to 44"),
        (("--product", "five"), "unknown product 'five'"),
        (("--languages", "klingon"), "unknown language 'klingon'; known are arabic (ar)"),
        (("--model", "groq"), "'groq' is no model"),
        (("--timeout", "-1"), "'-1' is no time"),
        (("--output", ""), "an empty name is no directory"),
        (("--language-model", "french"), "'french' is no language=provider:name"),
        (("--language-model", "korean=groq:x"), "korean, which is not among --languages"),
        (("--language-model", "french=groq:x", "fr=groq:y"), "two models for french, groq:x and groq:y: keep one"),
        (("--model", "nobody:x"), "nobody"),
        (("--model", "groq:openai/gpt-oss-20b"), "GROQ_API_KEY"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], says: str):
    """Whoever mistypes is told in one line what is wrong and how to mend it."""
    code, out, err = run(capsys, "--trace", "off", *argv)
    assert code == 2
    assert out == ""
    assert says in err
    assert "Traceback" not in err


def test_an_unwritable_output_is_found_before_any_call(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """A file in the place of the directory is found before anything is paid."""
    taken = tmp_path / "taken"
    taken.write_text("")
    code, _, err = run(capsys, *SIMULATED, "--output", str(taken))
    assert code == 2
    assert "cannot write into" in one_line(err)


def test_a_missing_catalog_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """An incomplete installation says what is missing."""
    monkeypatch.setattr(
        "llm_composition_patterns.patterns.brindlehaw._products.packaged",
        lambda name: tmp_path / name,
    )
    code, _, err = run(capsys, *SIMULATED)
    assert code == 2
    assert "there is no catalog at" in one_line(err)


def test_languages_have_models_of_their_own(capsys: pytest.CaptureFixture[str]):
    """--language-model sets the model of one language; the others keep theirs."""
    code, out, _ = run(
        capsys,
        "--languages",
        "french",
        "german",
        *SIMULATED,
        "--json",
        "--language-model",
        "german=simulated:simulated/large",
    )
    assert code == 0
    status = json.loads(out)["results"][0]["status"]
    assert status["french"]["model"] == "simulated:simulated/translator-small"
    assert status["german"]["model"] == "simulated:simulated/large"


def test_a_model_for_each_language_is_said_too(capsys: pytest.CaptureFixture[str]):
    """Where every language has a model of its own, each is said once, and that it is simulated."""
    code, _, err = run(capsys, "--languages", "german", "--trace", "off", "--language-model", "german=simulated:small")
    assert code == 0
    assert err.count("model for german: simulated:small") == 1
    assert err.count("SIMULATED") == 1


def test_a_product_named_twice_is_translated_once(capsys: pytest.CaptureFixture[str]):
    """`5` and `05` are one product."""
    _, out, _ = run(capsys, "--product", "5", "05", "--languages", "french", *SIMULATED, "--json")
    assert [result["product_id"] for result in json.loads(out)["results"]] == [5]


def test_a_disk_that_fills_up_costs_no_translation(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """A product that cannot be written is printed whole instead, and the others go on and are written."""
    write = example.write_atomically

    def full_for_product_2(path: Path, text: str) -> None:
        if path.name.startswith("translation_2_"):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, text)

    monkeypatch.setattr(example, "write_atomically", full_for_product_2)
    argv = ("--product", "1", "2", "3", "4", "--languages", "french", *SIMULATED, "--output", str(tmp_path))
    code, out, err = run(capsys, *argv)
    assert code == 3
    assert len(list(tmp_path.iterdir())) == 3
    assert "3 of 4 products" in err
    assert "not written: product 2: No space left on device" in err
    assert out.count("French  (SIMULATED") == 1


def test_flags_given_twice_add_up(capsys: pytest.CaptureFixture[str]):
    """`--languages french --languages german` means both."""
    argv = ("--languages", "french", "--languages", "german", "--product", "5", "--product", "6")
    _, out, _ = run(capsys, *argv, *SIMULATED, "--json")
    results = json.loads(out)["results"]
    assert [result["product_id"] for result in results] == [5, 6]
    assert list(results[0]["translations"]) == ["french", "german"]
