"""deploy/terraform and the page of costs, which is computed and not typed."""

from __future__ import annotations

import re

import pytest

from benchmarks import cost
from tests.support.deploy_tools import checked, tool
from tests.support.service import ROOT

CLOUD = ROOT / "deploy" / "terraform" / "aws"
TEXT = "\n".join(path.read_text() for path in sorted(CLOUD.glob("*.tf")))


def test_files_are_formatted():
    checked(tool("terraform"), "fmt", "-check", "-recursive", CLOUD)


def test_files_are_valid():
    if not (CLOUD / ".terraform").is_dir():
        pytest.skip("terraform init, which needs the registry of providers, has not been run here")
    checked(tool("terraform"), "validate", cwd=CLOUD)


@pytest.mark.parametrize(
    "part",
    [
        "aws_eks_cluster", "aws_eks_node_group", "aws_s3_bucket", "aws_elasticache_replication_group", "aws_db_instance",
        "aws_lb", "aws_cloudwatch_metric_alarm", "aws_iam_role", "aws_eks_pod_identity_association",
    ],
)  # fmt: skip
def test_every_part_of_the_service_is_there(part):
    assert f'resource "{part}" ' in TEXT


def test_stores_are_encrypted_and_reached_from_the_cluster_alone():
    assert TEXT.count("kms_key_id") >= 3
    for setting in ("storage_encrypted ", "at_rest_encryption_enabled", "transit_encryption_enabled"):
        assert re.search(rf"{setting} *= true", TEXT), setting
    assert re.findall(r'cidr_blocks = \["0\.0\.0\.0/0"\]', TEXT) == ['cidr_blocks = ["0.0.0.0/0"]'], "the load balancer's own"
    assert '"maxmemory-policy"' in TEXT
    assert "noeviction" in TEXT


def test_everything_that_is_referred_to_is_declared():
    declared = set(re.findall(r'^(?:resource|data) "(\w+)" "(\w+)"', TEXT, re.MULTILINE))
    used = set(re.findall(r"\b(?<!data\.)(aws_\w+)\.(\w+)", TEXT)) | set(re.findall(r"\bdata\.(aws_\w+)\.(\w+)", TEXT))
    assert used <= declared
    variables = set(re.findall(r'^variable "(\w+)"', TEXT, re.MULTILINE))
    assert set(re.findall(r"\bvar\.(\w+)", TEXT)) == variables


def test_the_page_of_costs_is_what_the_figures_and_prices_give():
    assert (ROOT / "docs" / "cost.md").read_text() == cost.page(), "python -m benchmarks.cost writes it anew"


def test_a_price_and_a_pace_change_the_cost_as_they_should():
    prices = {
        "hour": {"cpu_node": 3.6, "gpu_node": 36.0},
        "cpu_node": {"cores": 4},
        "gpu_node": {"tokens_per_second": 1000},
    }
    ways = cost.page_costs(prices, cost.Paces(beside_model=0.1, by_cpu=2.0, tokens=250, share=0.5))
    assert [(pace, round(price, 6)) for _, pace, price in ways] == [(2.0, 0.5), (2.0, 5.0), (40.0, 0.025)]


def test_a_figure_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no row 'pages of a dream'"):
        cost.figure("| pages | 1 |", "pages of a dream")
