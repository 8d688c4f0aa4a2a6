# Completion of p2pchatctl(1) for fish. The program itself says what a word may become; nothing that
# it says is evaluated.

function __p2pchatctl_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines (p2pchatctl --complete $words[2..] 2>/dev/null)
    set -l front (string match -r -- '^--[^=]*=' $words[-1])
    set -l begun (string replace -r -- '^--[^=]*=' '' $words[-1])

    switch "$lines[1]"
        case :files
            string replace -r -- '^' "$front" (__fish_complete_path $begun)
        case :programs
            string replace -r -- '^' "$front" (complete -C "$begun")
        case '*'
            printf '%s\n' $lines
    end
end

complete -c p2pchatctl -f -a '(__p2pchatctl_complete)'
