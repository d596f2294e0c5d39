#!/bin/sh
# Everything about AWS that can be checked without an account. Part of `make deploy/check`.
set -eu
cd "$(dirname "$0")/../.."
templates=deploy/aws/templates
aws=.venv-deploy-aws
scanner=.venv-deploy-checkov

# Two environments, for the emulator's pins and the scanner's clash; made side by side.
VENV=$scanner sh tools/bootstrap.sh requirements/deploy-checkov.txt &
made=$!
VENV=$aws sh tools/bootstrap.sh requirements/deploy-aws-check.txt
wait "$made"

"$aws/bin/cfn-lint" --non-zero-exit-code warning "$templates"/*.yaml
# Each finding that is let pass has its reason beside it in the template.
"$scanner/bin/checkov" --framework cloudformation --directory "$templates" \
    --skip-download --compact --quiet

# Every template applied to an emulator, every resource asked for, the tool and the runbooks.
PYTHONDONTWRITEBYTECODE=1 "$aws/bin/python" -m pytest -c deploy/aws/tests/pytest.ini deploy/aws/tests
echo "Not checked here: whether AWS accepts the templates, and what an emulator does not have (named above)."
