"""What a shell needs to complete the command."""

import click
from click.shell_completion import get_completion_class

from dreaming.cli.group import cli


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what lets a shell complete this command, to be put where the shell reads it.

    \b
    bash    dreaming completion bash > ~/.local/share/bash-completion/completions/dreaming
    zsh     dreaming completion zsh > ~/.zfunc/_dreaming    (a folder in $fpath)
    fish    dreaming completion fish > ~/.config/fish/completions/dreaming.fish
    """
    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(cli, {}, "dreaming", "_DREAMING_COMPLETE").source())
