#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// A program of the system, run to its end: the download client and the package manager.
///
///     let result = try Subprocess.run("curl", ["--version"])
///     result.exitCode   // 0
struct Subprocess {
  struct Result: Equatable {
    /// The exit code; 128 plus the signal's number where a signal ended the program.
    let exitCode: Int32
    let output: String
    let errorOutput: String
  }

  /// Looks `program` up in `PATH`, gives it an empty standard input and collects what it prints.
  ///
  /// - Parameters:
  ///   - folder: Working folder of the program; this process's where nil.
  ///   - whileRunning: Called about five times a second, for progress.
  /// - Throws: ``SubprocessError/missing(program:package:)`` where the program is not installed.
  static func run(
    _ program: String, _ arguments: [String], in folder: String? = nil, whileRunning: (() -> Void)? = nil
  ) throws -> Result {
    // Temporary files instead of pipes: nothing to drain, so that the program can never block on us.
    let outputFile = try TemporaryFile()
    let errorFile = try TemporaryFile()

    #if canImport(Darwin)
    var actions: posix_spawn_file_actions_t?
    #else
    var actions = posix_spawn_file_actions_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, outputFile.descriptor, 1)
    posix_spawn_file_actions_adddup2(&actions, errorFile.descriptor, 2)

    // posix_spawn cannot change folder everywhere, a shell can.
    let command = folder.map { ["sh", "-c", #"cd -- "$0" && exec "$@""#, $0, program] + arguments } ?? [program] + arguments
    var pointers: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var process: pid_t = 0
    let status = posix_spawnp(&process, command[0], &actions, nil, &pointers, environ)
    guard status == 0 else {
      if status == ENOENT { throw SubprocessError.missing(program: program) }
      throw SubprocessError.notStarted(program: program, code: status)
    }

    var ending: Int32 = 0
    while true {
      let reaped = waitpid(process, &ending, whileRunning == nil ? 0 : WNOHANG)
      if reaped == process { break }
      if reaped < 0 && errno != EINTR { throw SubprocessError.notStarted(program: program, code: errno) }
      if let whileRunning, reaped == 0 {
        whileRunning()
        usleep(pollMicroseconds)
      }
    }
    let signal = ending & 0x7F
    return Result(
      exitCode: signal == 0 ? (ending >> 8) & 0xFF : 128 + signal,
      output: try outputFile.content(), errorOutput: try errorFile.content())
  }

  private static let pollMicroseconds: UInt32 = 20_000
}

/// A program of the system that is needed and cannot be run.
public enum SubprocessError: GradusError, Equatable {
  case missing(program: String)
  /// The system's error number.
  case notStarted(program: String, code: Int32)

  public var failureKind: FailureKind {
    switch self {
    case .missing: .missingInput
    case .notStarted: .failed
    }
  }

  public var description: String {
    switch self {
    case .missing(let program):
      "the program '\(program)' is not installed or not in PATH; install it (Debian: apt-get install \(program)) "
        + "and run the command again"
    case .notStarted(let program, let code): "\(program): cannot start: \(String(cString: strerror(code)))"
    }
  }
}

/// An unlinked file that a child process writes to.
private final class TemporaryFile {
  let descriptor: Int32

  init() throws {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(folder)/gradus-XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw FileError(.create, path: folder, code: errno) }
    unlink(template)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  deinit { close(descriptor) }

  func content() throws -> String {
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count = pread(descriptor, &block, block.count, off_t(bytes.count))
      guard count >= 0 else { throw FileError(.read, path: "output of a program", code: errno) }
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(contentsOf: block[..<count])
    }
  }
}
