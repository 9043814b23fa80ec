"""Invents an archive: papers that nobody wrote, with the difficulties of those that somebody did.

Everything is drawn from the seed and the paper's number, so that any part of an archive of any size is the same each
time. Names, results and addresses are made up; the addresses end in `.example`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, Final

_FIELDS: Final = (
    ("计算机视觉", ("卷积神经网络", "目标检测", "图像分割", "特征融合", "注意力机制")),
    ("材料科学", ("钙钛矿薄膜", "晶界扩散", "热电性能", "相变", "拉伸强度")),
    ("天文学", ("脉冲星计时", "引力透镜", "光变曲线", "星系团", "红移")),
    ("流行病学", ("队列研究", "风险比", "接种率", "潜伏期", "传播模型")),
    ("水文学", ("径流模拟", "蒸散发", "地下水位", "降雨强度", "流域")),
    ("应用数学", ("变分不等式", "有限元方法", "误差估计", "收敛阶", "稀疏矩阵")),
    ("语言学", ("声调变异", "语料库", "句法标注", "方言分区", "韵律")),
    ("经济学", ("价格弹性", "工具变量", "面板数据", "劳动供给", "通货膨胀")),
)
_GLOSSED: Final = {
    "卷积神经网络": "convolutional neural network", "目标检测": "object detection", "图像分割": "image segmentation",
    "钙钛矿薄膜": "perovskite film", "晶界扩散": "grain boundary diffusion", "脉冲星计时": "pulsar timing",
    "引力透镜": "gravitational lensing", "队列研究": "cohort study", "风险比": "hazard ratio",
    "径流模拟": "runoff simulation", "蒸散发": "evapotranspiration", "变分不等式": "variational inequality",
    "有限元方法": "finite element method", "语料库": "corpus", "价格弹性": "price elasticity",
    "工具变量": "instrumental variable", "面板数据": "panel data",
}  # fmt: skip
_SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
_GIVEN: Final = "明华静磊芳敏强丽军洋勇艳杰涛超秀霞平刚桂"
_TITLES: Final = (
    "基于{a}的{b}方法研究",
    "{a}对{b}的影响：以{c}为例",
    "面向{c}的{a}与{b}",
    "{a}中的{b}问题",
    "关于{a}与{b}关系的若干注记",
)
_SENTENCES: Final = (
    "本文研究{a}与{b}之间的关系，并讨论其在{c}中的应用。",
    "我们提出一种新的{a}方法，与已有方法相比，误差降低了{p}%。",
    "实验在{n}个样本上进行，结果表明{b}的平均值为{d}，标准差为{e}。",
    "已有研究[{r}, {s}]多关注{c}，较少考虑{a}的作用。",
    "从{y}年到{z}年，我们共收集了{n}组观测数据，其中{m}组用于验证。",
    "当参数$\\alpha = {d}$时，{a}的表现最好；当$\\alpha > {e}$时，{b}明显下降。",
    "如图{k}所示，{b}随时间先增大后减小，在第{m}天达到最大值{d}。",
    "这一结果与{c}的理论预测一致，但在{a}较弱时存在偏差。",
    "需要指出的是，本文的结论依赖于{b}的独立性假设。",
    "为了检验稳健性，我们还改变了{c}的取值，主要结论不变。",
    "由式$E_{{k}} = \\sum_{{i=1}}^{{n}} x_i^2$可得{a}的上界。",
    "对照组与处理组在{b}上的差异具有统计学意义（$p < 0.0{k}$）。",
    "数据与程序见 https://data.example/{y}/{n}，说明见 doi:10.5555/{y}.{n}。",
    "综上所述，{a}为理解{c}提供了新的视角，后续工作将考虑{b}。",
)
_HEADINGS: Final = ("引言", "方法", "实验", "结果", "讨论", "结论")

_LICENSES: Final = (
    ("CC BY 4.0", True),
    ("CC BY-SA 4.0", True),
    ("https://creativecommons.org/licenses/by/4.0/", None),
    ("CC0 1.0", True),
)
_FORBIDDEN: Final = (("CC BY-NC-ND 4.0", False), ("All rights reserved", None), (None, None))


def invented(count: int, *, seed: int = 0, bodies: bool = True) -> Iterator[dict[str, Any]]:
    """So many records, one after the other.

    Args:
        count: How many.
        seed: For another archive.
        bodies: Whether they have their text, or a title and an abstract only.
    """
    return (_Inventor(seed, number).record(bodies=bodies) for number in range(1, count + 1))


def glossary_lines() -> Iterator[str]:
    """The glossary of the invented fields, as lines of its file."""
    return (f"{term}\t{word}" for term, word in _GLOSSED.items())


class _Inventor:
    """Invents one paper."""

    def __init__(self, seed: int, number: int) -> None:
        self._number = number
        self._draw = random.Random(f"{seed} {number}")  # noqa: S311 - repeatable, and no secret
        self._field, terms = self._draw.choice(_FIELDS)
        self._terms = self._draw.sample(terms, 3)
        self._kind = list(_BODIES)[number % len(_BODIES)]

    def record(self, *, bodies: bool) -> dict[str, Any]:
        draw, number = self._draw, self._number
        raw, allowed = draw.choice(_FORBIDDEN if self._kind == "forbidden" else _LICENSES)
        year = draw.randint(2001, 2024)
        title, creators = self._filled(draw.choice(_TITLES)), [self._person() for _ in range(draw.randint(1, 4))]
        abstract = "" if self._kind == "no abstract" else self._paragraph(draw.randint(3, 6))
        return {
            "id": f"invented-{number:06}",
            "oai_identifier": f"oai:archive.example:invented-{number:06}",
            "title": title,
            "creators": creators,
            "abstract": abstract,
            "subjects": [self._field, *self._terms[:2]],
            "date": f"{year}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
            "pdf_url": f"https://archive.example/pdf/{number:06}.pdf",
            "source_url": f"https://archive.example/abs/{number:06}",
            "license": {"raw": raw, "derivatives_allowed": allowed},
            "setSpec": self._field,
            "files": [],
            "body": _BODIES[self._kind](self) if bodies else None,
        }

    def _person(self) -> str:
        return self._draw.choice(_SURNAMES) + "".join(self._draw.sample(_GIVEN, self._draw.randint(1, 2)))

    def _filled(self, template: str) -> str:
        draw = self._draw
        first, second, third = draw.sample(self._terms, 3)
        year = draw.randint(1998, 2018)
        return template.format(
            a=first, b=second, c=third, p=draw.randint(3, 48), n=draw.randint(120, 98_000), m=draw.randint(13, 99),
            d=draw.randint(11, 980) / 10, e=draw.randint(1, 99) / 100, r=draw.randint(1, 9), s=draw.randint(10, 40),
            y=year, z=year + draw.randint(1, 6), k=draw.randint(1, 5),
        )  # fmt: skip

    def _paragraph(self, sentences: int) -> str:
        return "".join(self._filled(one) for one in self._draw.sample(_SENTENCES, sentences))

    def _sections(self, *special: str, each: int = 2) -> list[str]:
        """Sections of paragraphs, with what is special of this paper among them."""
        parts = []
        for number, heading in enumerate(_HEADINGS):
            parts += [f"## {number + 1} {heading}", *(self._paragraph(self._draw.randint(4, 8)) for _ in range(each))]
            parts += special[number :: len(_HEADINGS)]
        return parts

    def plain(self) -> str:
        return "\n\n".join(self._sections())

    def mathematics(self) -> str:
        return "\n\n".join(
            self._sections(
                r"设$f(x) = \text{若 $x > 0$ 则取 } x^2$，否则$f(x)=0$。于是"
                "\n\n$$\n\\begin{cases}\nu_t = \\Delta u, & \\text{在 $\\Omega$ 内}\\\\\n\n"
                "u = 0, & \\text{在 $\\partial\\Omega$ 上}\n\\end{cases}\n$$\n\n成立。",
                r"由\(a \in [0, 1]\)及\[ \int_0^1 \left\{ x^{2} \right\}\,dx = \frac{1}{3} \]可知结论。",
            )
        )

    def currency(self) -> str:
        return "\n\n".join(
            self._sections(
                "每公斤价格由$5涨至$6，而进口价格为US$7.50，合计约$1,250。",
                "补贴为$20或$30，当弹性$\\eta=0.5$时，总支出约为$3.5万，而不是$4万。",
            )
        )

    def table(self) -> str:
        rows = "\n".join(
            f"| {term} | {self._draw.randint(10, 99)} | {self._draw.random():.2f} |" for term in self._terms
        )
        return "\n\n".join(self._sections(f"表1 主要结果\n\n| 指标 | 数量 | 比例 |\n|:---|---:|:-:|\n{rows}"))

    def code(self) -> str:
        listing = '```python\n# 读取数据\nprice = "$5"\n\nfor row in rows:  # 逐行处理\n    print(f"{row}")\n```'
        return "\n\n".join(self._sections(f"核心程序如下：\n\n{listing}\n\n其中`rows`为输入，`$HOME`不是公式。"))

    def scripts(self) -> str:
        return "\n\n".join(
            self._sections(
                "术语“データ駆動”与“데이터 기반”以及俄文“данные”均指数据驱动；α粒子与β衰变不在讨论之列。",
                "参见 (Wang et al., 2019; Müller and Ångström, 2020) 与 [@li2021; @zhao]，脚注[^1]。",
            )
        )

    def latex(self) -> str:
        sections = "\n\n".join(
            f"\\section{{{heading}}}\n{self._paragraph(5)}% 作者备注\n\n{self._paragraph(4)}\\cite{{ref{number}}}"
            for number, heading in enumerate(_HEADINGS)
        )
        return (
            "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n" + sections + "\n\n"
            "如式\\eqref{eq:main}：\n"
            "\\begin{align}\n  a &= b \\label{eq:main}\\\\\n\n  c &= \\text{当 $d$ 时}\n\\end{align}\n"
            "\n\\begin{tabular}{ll}\n甲 & 乙\\\\\n\\end{tabular}\n\\end{document}\n"
        )

    def pdf(self) -> str:
        """Lines of a page's width, with running heads and page numbers."""
        pages = []
        for page in range(1, 5):
            text = self._paragraph(9)
            lines = [text[place : place + 38] for place in range(0, len(text), 38)]
            pages.append("\n".join(["虚构学报", *lines, str(page)]))
        return "\f".join(pages)

    def long(self) -> str:
        return "\n\n".join(self._sections(each=12))

    def tokens(self) -> str:
        return "\n\n".join(self._sections("本文用⟦M1⟧和⟦占位符⟧表示被替换的公式，例如⟦K2⟧代表代码，单独的⟧没有含义。"))

    def endless(self) -> str:
        """A paragraph that is longer than any segment."""
        return "\n\n".join(self._sections("".join(self._paragraph(10) for _ in range(12))))


_BODIES: Final[dict[str, Callable[[_Inventor], str]]] = {
    "plain": _Inventor.plain,
    "mathematics": _Inventor.mathematics,
    "currency": _Inventor.currency,
    "table": _Inventor.table,
    "code": _Inventor.code,
    "mixed scripts": _Inventor.scripts,
    "no abstract": _Inventor.plain,
    "forbidden": _Inventor.plain,
    "latex": _Inventor.latex,
    "pdf": _Inventor.pdf,
    "long": _Inventor.long,
    "tokens": _Inventor.tokens,
    "endless": _Inventor.endless,
}
