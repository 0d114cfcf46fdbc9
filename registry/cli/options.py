"""Options that several commands share, and what they open."""

from __future__ import annotations

import functools
import json
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from registry.amounts import AmountError, parse
from registry.errors import ContractError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from registry.content.store import ContentStore
    from registry.network import Network

F = TypeVar("F", bound="Callable[..., Any]")

DEFAULT_HOME = "~/.aivm"


def option(*names: str, envvar: str, **settings: Any) -> Callable[[F], F]:
    """A click option whose help names its environment variable."""
    return click.option(*names, envvar=envvar, show_envvar=True, **settings)


def as_json(function: F) -> F:
    """`--json`: the result as data."""
    return option("--json", "as_json", is_flag=True, envvar="AIVM_JSON", help="Print the result as JSON.")(function)


def dry_run(function: F) -> F:
    """`--dry-run`: print the exact transactions instead of sending them."""
    return option(
        "--dry-run", is_flag=True, envvar="AIVM_DRY_RUN", help="Print the exact transaction and do not send it."
    )(function)


def key_file(function: F) -> F:
    """`--key-file` and `--password-file`, given to the command as `account`."""

    @option(
        "--key-file",
        envvar="AIVM_KEY_FILE",
        required=True,
        type=click.Path(dir_okay=False, path_type=Path),
        help="The account's key: a keystore (JSON), or a hexadecimal key in a file that only you can read.",
    )
    @option(
        "--password-file",
        envvar="AIVM_PASSWORD_FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The keystore's password.",
    )
    @functools.wraps(function)
    def command(*args: Any, key_file: Path, password_file: Path | None, **rest: Any) -> Any:
        from registry.accounts import load_account

        return function(*args, account=load_account(key_file, password_file=password_file), **rest)

    return cast("F", command)


def vrf_key(function: F) -> F:
    """`--vrf-key-file` and `--vrf-password-file`, given to the command as `vrf_key`: 32 bytes, or None."""

    @option(
        "--vrf-key-file",
        envvar="AIVM_VRF_KEY_FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The key of the VRF operator that runs under the same account, in either form of a key file.",
    )
    @option(
        "--vrf-password-file",
        envvar="AIVM_VRF_PASSWORD_FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The password of that key, if it is a keystore.",
    )
    @functools.wraps(function)
    def command(*args: Any, vrf_key_file: Path | None, vrf_password_file: Path | None, **rest: Any) -> Any:
        from registry.accounts import load_key

        key = None if vrf_key_file is None else load_key(vrf_key_file, password_file=vrf_password_file)
        return function(*args, vrf_key=key, **rest)

    return cast("F", command)


def content(function: F) -> F:
    """`--store` and `--gateway`, given to the command as `content`."""

    @option(
        "--store",
        envvar="AIVM_STORE",
        default=f"{DEFAULT_HOME}/blocks",
        show_default=True,
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of the local block store.",
    )
    @option(
        "--gateway",
        "gateways",
        envvar="AIVM_GATEWAY",
        multiple=True,
        help="Trustless gateway to fetch from; repeatable.",
    )
    @functools.wraps(function)
    def command(*args: Any, store: Path, gateways: tuple[str, ...], **rest: Any) -> Any:
        return function(*args, content=open_content(store.expanduser(), gateways), **rest)

    return cast("F", command)


def network(*, required: bool = True) -> Callable[[F], F]:
    """`--rpc`, `--deployment` and the content options, given to the command as `network`.

    Where it is not required, the command gets None without a deployment.
    """

    def decorate(function: F) -> F:
        @option(
            "--rpc",
            "urls",
            envvar="AIVM_RPC",
            multiple=True,
            default=("http://127.0.0.1:8545",),
            show_default=True,
            help="JSON-RPC endpoint; repeatable, the next one is tried when one fails.",
        )
        @option(
            "--deployment",
            envvar="AIVM_DEPLOYMENT",
            required=required,
            type=click.Path(dir_okay=False, path_type=Path),
            help="The deployment file that `aivm chain deploy` or `aivm chain devnet` wrote.",
        )
        @content
        @functools.wraps(function)
        def command(
            *args: Any, urls: tuple[str, ...], deployment: Path | None, content: ContentStore, **rest: Any
        ) -> Any:
            opened = open_network(urls, deployment, content) if deployment else None
            return function(*args, network=opened, **rest)

        return cast("F", command)

    return decorate


def open_content(store: Path, gateways: tuple[str, ...]) -> ContentStore:
    """A store over a folder, which asks these gateways for what it lacks."""
    from registry.content import ContentStore, FileBlockStore, GatewayClient

    remotes = [GatewayClient(gateways)] if gateways else []
    return ContentStore(FileBlockStore(store), remotes)


def open_network(urls: tuple[str, ...], deployment: Path, content: ContentStore) -> Network:
    """A deployment, over a chain that is there already."""
    from registry.chain import Chain
    from registry.deployment import Deployment
    from registry.network import Network

    chain = Chain.connect(urls)
    return Network.of(chain, Deployment.load(deployment, chain), content)


class Wei(click.ParamType[Any]):
    """An amount of ether: `2.5ether`, `30gwei`, `7wei`, or a bare number of wei."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The amount in wei."""
        if isinstance(value, int):
            return value
        try:
            return parse(value)
        except AmountError as error:
            self.fail(f"{error.message}. {error.hint}", param, ctx)


class Url(click.ParamType[Any]):
    """An http or https URL."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The URL as it was given."""
        if re.match(r"https?://[^/\s]+", value) is None:
            self.fail(f"{value!r} is not an http or https URL, such as https://gateway.example", param, ctx)
        return str(value)


class Listen(click.ParamType[Any]):
    """HOST:PORT."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """The two parts; port 0 leaves the choice to the system."""
        if isinstance(value, tuple):
            return value
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            self.fail(f"{value!r} is not HOST:PORT, such as 127.0.0.1:8080", param, ctx)
        return host, int(port)


class Assignment(click.ParamType[Any]):
    """NAME=VALUE."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """The two parts."""
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not name or not equals:
            self.fail(f"{value!r} is not NAME=VALUE", param, ctx)
        return name, text


class Hex32(click.ParamType[Any]):
    """32 bytes in hexadecimal, with or without 0x."""

    name = "hex"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """The bytes."""
        if isinstance(value, bytes):
            return value
        if re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", value) is None:
            self.fail(f"{value!r} is not 32 bytes in hexadecimal (64 digits)", param, ctx)
        return bytes.fromhex(value.removeprefix("0x"))


def emit(data: Any) -> None:
    """Prints data as JSON on stdout; bytes become 0x…, amounts beyond 2⁵³ stay exact."""
    click.echo(json.dumps(data, indent=2, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(type(value).__name__)


@contextmanager
def progress(text: str) -> Iterator[Callable[[str], None]]:
    """A spinner on stderr while something takes its time; plain silence when stderr is not a terminal.

    Gives a function that changes the text.
    """
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(text) as status:
        yield status.update


def find_kernel(network: Network, text: str) -> bytes:
    """A kernel's id, from the id itself or from `handle/name@version`; without a version, `latest`."""
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text.removeprefix("0x"))
    match = re.fullmatch(r"([^/@]+)/([^/@]+)(?:@([^/@]+))?", text)
    if match is None:
        raise RegistryError(f"{text!r} names no kernel", hint="Write handle/name@version, or the kernel's id.")
    handle, name, label = match[1], match[2], match[3] or "latest"
    try:
        return network.registry.resolve(handle, name, label)
    except ContractError as error:
        if error.name != "KernelRegistry_UnknownName":
            raise
        raise RegistryError(
            f"{handle}/{name}@{label} is not registered in this deployment",
            hint="Name a version, such as @1.0.0, or a label that the publisher has set with `aivm kernel alias`.",
        ) from error


def show_facts(facts: dict[str, Any], *, as_json: bool) -> None:
    """Prints named values: as JSON, or one a line."""
    if as_json:
        emit(facts)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):{width}}  {_text(value)}")


def _text(value: Any) -> str:
    match value:
        case bytes():
            return "0x" + value.hex()
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{name}: {_text(each)}" for name, each in value.items())
        case _:
            return str(value)
