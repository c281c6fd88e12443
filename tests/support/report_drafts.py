"""Made-up graphs of any size: sources, staging, marts and dashboards of some business domains."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

TOPICS = (
    *("orders", "customers", "products", "payments", "shipments", "returns", "stores", "suppliers"),
    *("campaigns", "sessions", "pageviews", "tickets", "invoices", "subscriptions", "refunds", "employees"),
    *("inventory", "prices", "coupons", "reviews", "leads", "contracts", "devices", "events"),
)
SYSTEMS = (
    *("erp", "crm", "shopify", "stripe", "zendesk", "hubspot"),
    *("netsuite", "salesforce", "segment", "jira", "workday", "adyen"),
)
_WORDS = (
    *("daily", "weekly", "by_region", "by_channel", "enriched"),
    *("joined", "deduplicated", "latest", "history", "rolling"),
)


@dataclass
class Draft:
    name: str
    kind: str
    folder: str
    domain: int
    parents: list[str] = field(default_factory=list)

    @property
    def uid(self) -> str:
        return f"{self.kind}.shop.{self.name}"


def chance(nodes: int, seed: int) -> random.Random:
    return random.Random(f"{seed}/{nodes}")  # noqa: S311 - no secret is made of it


def made_up_graph(nodes: int, seed: int = 7) -> tuple[list[str], list[tuple[str, str]]]:
    """Names and edges of what :func:`support.report_graphs.made_up_report` shows."""
    drafts = make_drafts(nodes, chance(nodes, seed))
    return [d.uid for d in drafts], [(parent, d.uid) for d in drafts for parent in d.parents]


def make_drafts(nodes: int, rng: random.Random) -> list[Draft]:
    """Sources and seeds, staging, intermediates, marts, metrics, exposures, by business domain."""
    domains = max(1, min(24, nodes // 22))
    shares = {
        "raw": 0.24,
        "staging": 0.23,
        "intermediate": 0.2,
        "joined": 0.09,
        "marts": 0.14,
        "metrics": 0.08,
    }
    counts = {name: max(1, int(nodes * share)) for name, share in shares.items()}
    counts["exposures"] = max(1, nodes - sum(counts.values()))
    drafts: list[Draft] = []
    made: dict[str, list[Draft]] = {}
    for level, count in counts.items():
        made[level] = [_draft(level, index, domains, made, rng) for index in range(count)]
        drafts += made[level]
    return drafts[:nodes]


def _draft(level: str, index: int, domains: int, made: dict[str, list[Draft]], rng: random.Random) -> Draft:
    domain = index % domains
    topic, system = TOPICS[domain % len(TOPICS)], SYSTEMS[domain % len(SYSTEMS)]
    number = index // domains
    word = _WORDS[number % len(_WORDS)]
    unique = f"{topic}_{word}" + (f"_{number // len(_WORDS)}" if number >= len(_WORDS) else "")
    if level == "raw":
        if index % 14 == 13:  # a seed now and then
            return Draft(f"{topic}_codes_{number}", "seed", "seeds", domain)
        return Draft(f"{system}.{unique}", "source", f"models/staging/{system}", domain)
    if level == "exposures":
        parents = _pick(made["metrics"] + made["marts"], rng.randint(1, 4), domain, rng, near=0.8)
        return Draft(f"{topic}_dashboard_{number}", "exposure", "models/exposures", domain, parents)
    prefix = {
        "staging": f"stg_{system}__",
        "intermediate": "int_",
        "joined": "int_",
        "marts": "",
        "metrics": "metric_",
    }
    folder = {
        "staging": f"models/staging/{system}",
        "intermediate": f"models/intermediate/{topic}",
        "joined": f"models/intermediate/{topic}",
        "marts": f"models/marts/{topic}",
        "metrics": "models/metrics",
    }
    name = f"{prefix[level]}{unique}{'_joined' if level == 'joined' else ''}"
    if level == "marts":
        name = ("fct_" if index % 3 else "dim_") + name
    snapshot = level == "intermediate" and index % 19 == 18  # a snapshot now and then
    return Draft(
        name,
        "snapshot" if snapshot else "model",
        folder[level],
        domain,
        _parents(level, index, made, domain, rng),
    )


def _parents(
    level: str, index: int, made: dict[str, list[Draft]], domain: int, rng: random.Random
) -> list[str]:
    if level == "staging":
        own = made["raw"][index % len(made["raw"])].uid
        return [own] if rng.random() < 0.9 else sorted({own, *_pick(made["raw"], 1, domain, rng, near=0.9)})
    if level == "intermediate":
        return _pick(made["staging"], rng.choice((1, 1, 2, 2, 3)), domain, rng, near=0.93)
    if level == "joined":
        return _pick(made["intermediate"] + made["staging"], rng.choice((2, 2, 3, 4)), domain, rng, near=0.85)
    if level == "marts":
        return _pick(made["joined"] + made["intermediate"], rng.choice((1, 2, 2, 3)), domain, rng, near=0.9)
    return _pick(made["marts"], rng.choice((1, 2, 3)), domain, rng, near=0.85)


def _pick(among: list[Draft], count: int, domain: int, rng: random.Random, *, near: float) -> list[str]:
    """Mostly from the same domain."""
    own = [d for d in among if d.domain == domain] or among
    return sorted({rng.choice(own if rng.random() < near else among).uid for _ in range(count)})
