#!/bin/sh
# The first product and the first order of a new shop, as its staff:
#     SHOP=https://shop.example.com STAFF=ada PASSWORD=… sh deploy/first_order.sh
# Run again it shows the same product and the same order: nothing is made twice.
# CURL_OPTIONS: more for curl.
set -eu
api="$SHOP/api/v1"

call() {
    # shellcheck disable=SC2086
    curl --fail-with-body --silent --show-error ${CURL_OPTIONS-} \
        --header 'Content-Type: application/json' "$@"
}

member() {
    sed -n "s/.*\"$1\" *: *\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1
}

quoted() { # $1 a text, as in a string of JSON
    printf %s "$1" | sed 's/[\"]/\\&/g'
}

token=$(call "$api/auth/token" \
    --data "{\"username\": \"$(quoted "$STAFF")\", \"password\": \"$(quoted "$PASSWORD")\"}" |
    member access)
staff="Authorization: Bearer $token"

product=$(call "$api/products/by-sku/FIRST" --request PUT --header "$staff" \
    --data '{"name": "First product", "price": "2.50", "quantity": 10}')
echo "product  $product"
id=$(echo "$product" | sed -n 's/^{"id" *: *\([0-9]*\).*/\1/p')

order=$(call "$api/orders" --header "$staff" --header 'Idempotency-Key: first-order' \
    --data "{\"lines\": [{\"product\": $id, \"quantity\": 1}]}")
echo "order    $order"
