# Prints the targets of a Makefile in their groups (`make help`). Runs with every awk.
#
#     ##@ Group
#     target: prerequisites ## Text

/^##@ / {
    group = substr($0, 5)
    print (bold ? "\n\033[1m" group "\033[0m" : "\n" group)
}

/^[a-z][a-z0-9.\/-]*:.*## / {
    name = $0
    sub(/:.*/, "", name)
    text = $0
    sub(/^.*:.*## /, "", text)
    printf "  make %-29s %s\n", name, text
}
