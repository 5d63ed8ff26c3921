"""The errors a user sees. A class's docstring is its message: what happened and why, then what to do.

The first line of the docstring says what happened and why, the second what to do; `{fields}` are
filled from the keyword arguments. Each class has the exit code that the command line ends with:
0 proved, 1 wrong use or wrong input, 2 internal error, 3 the host cannot, 4 the target is
unreachable or timed out, 5 verification failed, 6 the program on the target failed, 130 interrupted.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import ClassVar

EXIT_PROVED = 0
EXIT_USE = 1
EXIT_INTERNAL = 2
EXIT_HOST = 3
EXIT_UNREACHABLE = 4
EXIT_VERIFY = 5
EXIT_PROGRAM = 6
EXIT_INTERRUPTED = 130

AS_ROOT = 'sudo "$(command -v deployer)"'
"""How root starts what only this user has installed: sudo looks for programs elsewhere."""


class DeployerError(Exception):
    """Something went wrong.
    Run the command again with --debug and report what it prints.
    """

    exit_code: ClassVar[int] = EXIT_INTERNAL

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        lines = inspect.cleandoc(type(self).__doc__ or "").splitlines()
        self.what = lines[0].format(**fields)
        self.remedy = " ".join(lines[1:]).format(**fields)
        super().__init__(self.what)


@dataclass(frozen=True, slots=True)
class ErrorForm:
    """An error as a value that can be written down: the name of its class, and its fields."""

    kind: str
    fields: tuple[tuple[str, str], ...] = ()


def form_of(error: DeployerError) -> ErrorForm:
    """The form of an error."""
    fields = tuple((key, str(value)) for key, value in error.fields.items())
    return ErrorForm(type(error).__name__, fields)


def error_of(form: ErrorForm) -> DeployerError:
    """The error of its form; one that this version does not know is an internal error."""
    kind = globals().get(form.kind)
    if isinstance(kind, type) and issubclass(kind, DeployerError):
        try:
            return kind(**dict(form.fields))
        except KeyError:  # of another version, with other fields
            pass
    return DeployerError()


class InternalError(DeployerError):
    """Internal error: {kind}: {why}.
    Run the command again with --debug and report what it prints; a daemon's log has more.
    """

    exit_code = EXIT_INTERNAL


class WrongUse(DeployerError):
    """{what}
    {remedy}
    """

    exit_code = EXIT_USE


class FileMissing(DeployerError):
    """{path}: there is no such file.
    Check the name; paths are relative to the directory you are in.
    """

    exit_code = EXIT_USE


class FileEmpty(DeployerError):
    """{path}: the file is empty, so there is nothing to prove.
    Check that it was written or downloaded completely.
    """

    exit_code = EXIT_USE


class FileUnreadable(DeployerError):
    """{path}: cannot be read ({why}).
    Check its permissions, or copy it to where you may read it.
    """

    exit_code = EXIT_USE


class PathNoText(DeployerError):
    """{path}: this path is not text in UTF-8, so it cannot be recorded.
    Rename it, or use a place with a plain name.
    """

    exit_code = EXIT_USE


class FileChanged(DeployerError):
    """{path}: the file changed while it was being sent, so its checksums no longer hold.
    Wait until nothing writes to it any more, then push again.
    """

    exit_code = EXIT_USE


class FileTooLarge(DeployerError):
    """{path}: {length} bytes do not fit into one file on the target ({limit} bytes at most, {profile}).
    Split the file, or pick another profile with --profile if the target's disk allows more.
    """

    exit_code = EXIT_USE


class DriveTooSmall(DeployerError):
    """The payload has {length} bytes, and a drive of {profile} holds {limit} at most.
    Leave files out, or pick another profile with --profile if the target's disk allows more.
    """

    exit_code = EXIT_USE


class TooManyFiles(DeployerError):
    """{files} files in {parts} parts are too many for one deployment ({records} records; the target reads {limit}).
    Push them in several goes, or as one archive (.zip) that is unpacked there.
    """

    exit_code = EXIT_USE


class NameRefused(DeployerError):
    """{path}: Windows 98 cannot have this name ({why}).
    Rename it, or leave it out.{more}
    """

    exit_code = EXIT_USE


class NamesClash(DeployerError):
    """{path} and {other} would be the same file on the target: {why}.
    Rename one of them, or push the directory above both.
    """

    exit_code = EXIT_USE


class NotAFile(DeployerError):
    """{path}: this is {what}, and Windows 98 has none.
    Leave it out, or put a plain file there instead (cp -rL copies what links point to).{more}
    """

    exit_code = EXIT_USE


class DirectoryEmpty(DeployerError):
    """{path}: this directory has no file in it, so there is nothing to send.
    Check the name, and whether the directory was unpacked completely.
    """

    exit_code = EXIT_USE


class ProgramNotNamed(DeployerError):
    """--recipe {recipe}: {what}.
    {remedy}
    """

    exit_code = EXIT_USE


class ProgramForeign(DeployerError):
    """{program}: {why}.
    Push a program for Windows 98 (32-bit x86), deliver the file only with --no-run, or add --no-check.
    """

    exit_code = EXIT_USE


class ProgramUnknown(DeployerError):
    """--run {program}: no file of that name is sent, and Windows 98 has none.
    {hint}Add the file to the command. If the old PC has it already, give its path, such as C:\\GAMES\\RUN.EXE.
    """

    exit_code = EXIT_USE


class TooManyParts(DeployerError):
    """{path}: parts of {part_size} bytes would make {count} parts; the most is 999.
    Use --part-size {remedy_size} or more, or leave it out.
    """

    exit_code = EXIT_USE


class TokenizerMissing(DeployerError):
    """{path}: this is a llama2.c model, and its tokenizer was not found beside it (tried {tried}).
    Add the tokenizer to the command (it comes with the model), or use --no-run to send the file only.
    """

    exit_code = EXIT_USE


class TokenizerUnfit(DeployerError):
    """{path}: {why}.
    Use the tokenizer that belongs to the model {model}.
    """

    exit_code = EXIT_USE


class ModelOfOtherVersion(DeployerError):
    """{path}: this is a llama2.c model of version {version}, which the engine runs only when converted.
    Run: deployer model convert {path}; and name what that writes, or use --no-run to send it as it is.
    """

    exit_code = EXIT_USE


class ModelDamaged(DeployerError):
    """{path}: {why}.
    Download the model again, or use --no-run to send the file as it is.
    """

    exit_code = EXIT_USE


class ModelUnsupported(DeployerError):
    """{path}: {why}.
    {remedy}
    """

    exit_code = EXIT_USE


class ModelTooBig(DeployerError):
    """{path}: the old PC has {memory} of memory, and this model does not run there, not even from its disk.
    Use a smaller one. See what runs on a PC of that size with: deployer model list
    """

    exit_code = EXIT_USE


class ExtraMissing(DeployerError):
    """{what} needs {package}, which is not installed.
    Run: pip install 'retro-deployer[{extra}]'
    """

    exit_code = EXIT_HOST


class ProgramDamaged(DeployerError):
    """{path}: this program of ours is missing or damaged, so nothing was sent.
    Install retro-deployer again.
    """

    exit_code = EXIT_HOST


class OutputExists(DeployerError):
    """{path}: already holds other files.
    Name an empty or a new directory with --out.
    """

    exit_code = EXIT_USE


class SimulatorMissing(DeployerError):
    """The simulated PC needs what is not installed here: {missing}.
    Run: pip install --upgrade --force-reinstall retro-deployer
    """

    exit_code = EXIT_HOST


class SimulatorCannotPlay(DeployerError):
    """{program} is a program of 16 bits, and the simulated PC plays batch files and Win32 programs only.
    Nothing was sent. Push it to a real PC, or deliver it only with --no-run.
    """

    exit_code = EXIT_HOST


class PortBusy(DeployerError):
    """Port {port} on {address} is in use by another program.
    Stop that program (another FTP server?), or choose another port: --ftp-port, --web for the page.
    """

    exit_code = EXIT_HOST


class PortForbidden(DeployerError):
    """Port {port} on {address} may not be opened by this user.
    Run it as root: sudo "$(command -v deployer)" ...; or allow it: sudo setcap cap_net_bind_service=+ep {python}
    """

    exit_code = EXIT_HOST


class DhcpForbidden(DeployerError):
    """No addresses are given out: {why}.
    Leave --dhcp out, or let deployer set its own address on a wire that has nothing else: --interface.
    """

    exit_code = EXIT_HOST


class NoLinkLocal(DeployerError):
    """{target} has no way to this computer: it gave itself an address, and {address} is not beside it.
    Give this computer one in 169.254/16: sudo "$(command -v deployer)" link up
    """

    exit_code = EXIT_HOST


class AddressMissing(DeployerError):
    """This computer has no interface with the address {address}, which the target will call.
    Set it on the wired interface (192.168.1.1, mask 255.255.255.0), or name yours with --address.
    """

    exit_code = EXIT_HOST


class DirectoryForbidden(DeployerError):
    """{path}: cannot write there ({why}).
    Choose another directory, change its permissions, or make room on its disk.
    """

    exit_code = EXIT_HOST


class HomeMissing(DeployerError):
    """This user has no home directory, so there is no place for {path}.
    Name one with --state-dir, or set HOME.
    """

    exit_code = EXIT_HOST


class StoreFull(DeployerError):
    """{path}: nothing more can be written there ({why}).
    Make room on that disk. What was going on continues by itself then; repeat what was refused.
    """

    exit_code = EXIT_HOST


class StoreBusy(DeployerError):
    """{path}: another process has locked the records there for {seconds} s.
    Wait until that process has ended (deployer prune, a backup), then run the command again.
    """

    exit_code = EXIT_HOST


class StoreDamaged(DeployerError):
    """{path}: the records there cannot be read ({why}).
    Move deployer.sqlite3 away to begin again. What is on old PCs stays there, and is not sent again.
    """

    exit_code = EXIT_HOST


STORE_TROUBLES = (StoreFull, StoreBusy, StoreDamaged)
"""What may keep a host from writing down what happens; each may be over the next time."""


class DeploymentUnknown(DeployerError):
    """There is no deployment {deployment} here.
    List the deployments with: deployer history
    """

    exit_code = EXIT_USE


class DeploymentEnded(DeployerError):
    """The deployment {deployment} has ended already ({state}).
    Nothing is left to cancel; deployer retry {deployment} would begin it again.
    """

    exit_code = EXIT_USE


class RequestUnheard(DeployerError):
    """The process that delivers {deployment} did not react within {seconds} s.
    Stop it with Ctrl-C where it runs; what has arrived stays on the target.
    """

    exit_code = EXIT_HOST


class TargetUnfit(DeployerError):
    """{target}: {why}.
    Give the old PC's own address. WINIPCFG shows it there, and it is usually 192.168.1.2.
    """

    exit_code = EXIT_USE


class TargetBusy(DeployerError):
    """{target} is busy with {deployment}.
    Wait until it has ended, or end it first (deployer cancel); what has arrived stays on the target.
    """

    exit_code = EXIT_HOST


class TargetHeld(DeployerError):
    """{target} is in use: the place {holder} has it, which somebody has acquired in the lab.
    Release that place first (labgrid-client -p {holder} release). After a crash, delete {file}
    """

    exit_code = EXIT_HOST


class TargetTimedOut(DeployerError):
    """{target} gave {reason}.
    Look at the old PC's screen, then start GO again there and push again: what has arrived stays.
    """

    exit_code = EXIT_UNREACHABLE


class TargetNeverCalled(DeployerError):
    """{target} gave {reason}.
    Type the card's lines there; if they fail, look at its cable, WINIPCFG and PING, and run here: deployer doctor --target {address}
    """

    exit_code = EXIT_UNREACHABLE


class VerificationFailed(DeployerError):
    """{target} could not prove what was sent: {reason}.
    Push again: only what is missing or wrong is sent. If it fails again, check cable, memory and disk.
    """

    exit_code = EXIT_VERIFY


class PullIncomplete(DeployerError):
    """{target}: not everything arrived whole: {reason}.
    What arrived is in {folder}. Pull again when no program uses those files: only they are sent then.
    """

    exit_code = EXIT_VERIFY


class PullRefused(DeployerError):
    """{target}: nothing was pulled, {reason}.
    Check the files that are named there, or make room on this computer; then pull again.
    """

    exit_code = EXIT_VERIFY


class PullStopped(DeployerError):
    """{target}: the pull has stopped, {reason}.
    Make room there, or let this user write there; then pull again: what has come is kept.
    """

    exit_code = EXIT_HOST


class BackupDamaged(DeployerError):
    """{path}: {why}, so nothing was sent.
    Restore another backup, or send the folder as it is with: deployer push {path} --to DIR --no-run
    """

    exit_code = EXIT_VERIFY


class TargetDiskFull(DeployerError):
    """{target} has no room for what was sent: {reason}.
    Make room on its disk, or give another with --to, and push again: what is there is not sent again.
    """

    exit_code = EXIT_VERIFY


class ProgramFailed(DeployerError):
    """The program on {target} failed: {reason}.
    What it printed is in {output}.
    """

    exit_code = EXIT_PROGRAM


class ProofBroken(DeployerError):
    """{deployment}: the proof does not hold any more ({why}).
    The records were changed or damaged: push again to prove it again.
    """

    exit_code = EXIT_VERIFY


class ProofMissing(DeployerError):
    """{deployment}: there is no proof of it ({why}).
    Bring RESULT.TXT back on a disk or in the folder, or type the code that the PC shows at the end.
    """

    exit_code = EXIT_VERIFY


class SourcesDiffer(DeployerError):
    """{deployment}: what was proved is not what is on this computer now ({why}).
    The PC has what was sent then: push again to send and prove what is here.
    """

    exit_code = EXIT_VERIFY


class ProgramNotStarted(DeployerError):
    """Windows would not start it on {target}: {command}.
    Check its name, and that it is a program for DOS or Windows 95/98; the files are there and proved.
    """

    exit_code = EXIT_PROGRAM


class LintFailed(DeployerError):
    """{name}: COMMAND.COM of Windows 98 would not run this batch file as written (errors: {count}).
    Change the lines named above; --explain says why.
    """

    exit_code = EXIT_USE


class Cancelled(DeployerError):
    """The deployment {deployment} was cancelled.
    Push again to go on: what has arrived stays on the target.
    """

    exit_code = EXIT_INTERRUPTED


class InterfaceMissing(DeployerError):
    """This computer has no network interface named {interface}.
    There are: {seen}.
    """

    exit_code = EXIT_USE


class NoWiredInterface(DeployerError):
    """This computer has no free wired network interface (seen: {seen}).
    Plug in a network card or a USB network adapter, or name an interface with --interface.
    """

    exit_code = EXIT_HOST


class InterfaceAmbiguous(DeployerError):
    """Several wired interfaces could be the one with the old PC: {names}.
    Say which, for example --interface {first}; or pull the other cable.
    """

    exit_code = EXIT_USE


class InterfaceCarriesInternet(DeployerError):
    """{interface} is this computer's way to the internet, so its address was not touched.
    Plug the old PC into another port, or add --force-interface to use this one all the same.
    """

    exit_code = EXIT_HOST


class InterfaceWireless(DeployerError):
    """{interface} is a wireless interface, but the old PC is on a cable.
    Name the wired one with --interface, or add --force-interface to use this one all the same.
    """

    exit_code = EXIT_HOST


class SubnetTaken(DeployerError):
    """{subnet} is already the network on {interface}, so two networks here would have the same addresses.
    {remedy}
    """

    exit_code = EXIT_HOST


class AddressTaken(DeployerError):
    """Another machine on the wire ({mac}) already has the address {address}, so it was not set.
    Give that machine another address (the old PC gets {target}), or use another for this computer with --address.
    """

    exit_code = EXIT_HOST


class WireBusy(DeployerError):
    """The wire on {interface} belongs to another deployer that runs ({owner}).
    Use that one, or stop it first.
    """

    exit_code = EXIT_HOST


class LinkForbidden(DeployerError):
    """Addresses may not be set by this user ({why}).
    Run it as root: sudo "$(command -v deployer)" ...; or start the service, which has the one capability it needs.
    """

    exit_code = EXIT_HOST


class LinkFailed(DeployerError):
    """The system refused to change {interface}: {why}.
    What was changed before has been undone; deployer doctor says more.
    """

    exit_code = EXIT_HOST


class UndoDamaged(DeployerError):
    """{path}: the saved settings of the interface cannot be read ({why}).
    Check the interface's settings yourself, then delete that file.
    """

    exit_code = EXIT_HOST


class SystemUnsupported(DeployerError):
    """The wire's address cannot be set on this system ({system}).
    Set the address by hand, then use --no-link.
    """

    exit_code = EXIT_HOST


class TargetAbsent(DeployerError):
    """{what}
    {remedy}
    """

    exit_code = EXIT_UNREACHABLE


class DoctorFound(DeployerError):
    """{what}
    {remedy}
    """

    exit_code = EXIT_HOST


class SerialPortMissing(DeployerError):
    """{port}: this serial port cannot be opened ({why}); there are: {others}.
    Plug the adapter in, then look with: deployer serial ports
    """

    exit_code = EXIT_HOST


class SerialServerMissing(DeployerError):
    """{port}: the serial server does not answer ({why}).
    Start the serial server there (such as ser2net), and check its port number and the firewalls between.
    """

    exit_code = EXIT_HOST


class SerialPortForbidden(DeployerError):
    """{port}: this user may not open the serial port.
    Run: sudo usermod -aG dialout $USER (Arch: uucp), then log out and in again.
    """

    exit_code = EXIT_HOST


class SerialPortNotDaemons(DeployerError):
    """{port}: the daemon, which runs as {user}, may not open the serial port.
    Run: sudo usermod -aG dialout {user}, restart the daemon; or stop it, and push without one.
    """

    exit_code = EXIT_HOST


class SerialPortBusy(DeployerError):
    """{port}: another program has the serial port open.
    Close the other terminal program, or stop ModemManager: sudo systemctl stop ModemManager
    """

    exit_code = EXIT_HOST


class LineSilent(DeployerError):
    """{port}: {what}.
    Start the other side, then check the cable with: deployer serial test {port}
    """

    exit_code = EXIT_UNREACHABLE


class TransferUnconfirmed(DeployerError):
    """{port}: {what}: the receiver ended before it answered.
    Look at the file there: it has all bytes. If its program says that it failed, send it again.
    """

    exit_code = EXIT_UNREACHABLE


class LineNoisy(DeployerError):
    """{port}: {what}.
    Try --speed 38400 on both sides, and find the cause with: deployer serial test {port}
    """

    exit_code = EXIT_VERIFY


class TransferRefused(DeployerError):
    """{port}: {what}.
    {remedy}
    """

    exit_code = EXIT_VERIFY


class TransferStopped(DeployerError):
    """{port}: the transfer was cancelled {by}.
    Start it again: with ZMODEM it goes on where it stopped.
    """

    exit_code = EXIT_INTERRUPTED


class LineUnfit(DeployerError):
    """{port}: {what}.
    {remedy}
    """

    exit_code = EXIT_UNREACHABLE


class DaemonGone(DeployerError):
    """The daemon at {socket} does not answer any more.
    Look at its log, start it again with deployer serve, and push again: what has arrived stays.
    """

    exit_code = EXIT_HOST


class LabHostLost(DeployerError):
    """The lab's host {host} cannot be used over SSH ({why}).
    Try: ssh {host} true - it must succeed without a question; rsync is needed on both sides.
    """

    exit_code = EXIT_UNREACHABLE


class NotTakenOver(DeployerError):
    """The daemon was started again, and does not go on with {deployment}; its log says why.
    Deliver it again with: deployer retry {deployment}
    """

    exit_code = EXIT_HOST


class DaemonRuns(DeployerError):
    """A daemon runs already; its control socket is {socket}.
    Use it as it is (push finds it), or stop it first.
    """

    exit_code = EXIT_HOST


class DaemonOfAnother(DeployerError):
    """A daemon has the port, but this user may not ask it: its control socket is {socket}.
    Push as the user who started it, or start it for your own: sudo "$(command -v deployer)" serve --user YOU
    """

    exit_code = EXIT_HOST


class DaemonNotYours(DeployerError):
    """This daemon belongs to the user with the number {owner}, and user {asker} may not ask it.
    Push as the user who started it, or start one of your own.
    """

    exit_code = EXIT_HOST


class DaemonMissing(DeployerError):
    """No daemon is running, and --detach needs one that goes on when this command ends.
    Start one in another window: sudo "$(command -v deployer)" serve
    """

    exit_code = EXIT_HOST


class AgentUnknown(DeployerError):
    """There is no agent on {target}: none has been installed there from this computer.
    Install it with a push to that PC: deployer push --target ADDRESS --stay
    """

    exit_code = EXIT_USE


class ChatWithoutAgent(DeployerError):
    """There is no agent on {target} through which this computer could talk with {model}.
    Talk with it there, in an MS-DOS window: CD {directory}, then {command}. Or leave an agent: deployer push --target {target} --stay
    """

    exit_code = EXIT_UNREACHABLE


class ChatEnded(DeployerError):
    """LLAMA98.EXE on {target} ended with the exit code {code}; its output is above.
    docs/payloads.md explains the exit codes.
    """

    exit_code = EXIT_PROGRAM


class AgentAway(DeployerError):
    """The agent on {target} did not call within {seconds} s, so nothing was done there: {text}.
    Switch the PC on and look at its cable; the agent calls by itself within half a minute.
    """

    exit_code = EXIT_UNREACHABLE


class OrderLost(DeployerError):
    """What became of {what} on {target} is not known: {text}.
    Look there (deployer ls, deployer screen) before you give it again.
    """

    exit_code = EXIT_UNREACHABLE


class OrderRefused(DeployerError):
    """The old PC {target} could not do {what}: {text} (Windows error {code}).
    Look there with deployer ls or deployer screen, then give it again.
    """

    exit_code = EXIT_PROGRAM


class NotBack(DeployerError):
    """{target} had to {what}, and {text} within {seconds} s.
    Look at it: Windows may ask something there, or the computer cannot {what} by itself.
    """

    exit_code = EXIT_UNREACHABLE


class StepFailed(DeployerError):
    """The step "{step}" failed: {why}.
    Start it again. If it fails again, keep its output and report it.
    """

    exit_code = EXIT_VERIFY


class PictureDamaged(DeployerError):
    """The picture that {target} sent cannot be read: {why}.
    Try again, or save the picture as it came with --out NAME.bmp
    """

    exit_code = EXIT_VERIFY


class NotBrought(DeployerError):
    """{path} on {target} was brought by no deployment of this computer, so it is not deleted.
    Check the name with deployer ls; delete it all the same with --force.
    """

    exit_code = EXIT_USE


class SurveyRefused(DeployerError):
    """{name}: this survey cannot be trusted: {why}.
    Make the survey again with: deployer survey PC
    """

    exit_code = EXIT_VERIFY


class SurveyUnknown(DeployerError):
    """There is no survey {name} here.
    List the surveys with: deployer survey list
    """

    exit_code = EXIT_USE
