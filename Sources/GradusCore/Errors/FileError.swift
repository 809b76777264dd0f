#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file that cannot be opened, read or written, with the system's reason.
public struct FileError: GradusError, Equatable {
  /// What was tried.
  public enum Operation: String, Sendable { case open, read, write, create, rename, map, remove, sync }

  public let operation: Operation
  public let path: String
  /// The system's error number (`errno`).
  public let code: Int32

  public init(_ operation: Operation, path: String, code: Int32) {
    self.operation = operation
    self.path = path
    self.code = code
  }

  public var failureKind: FailureKind { code == ENOENT ? .missingInput : .failed }

  public var description: String {
    let reason = String(cString: strerror(code))
    return code == ENOSPC
      ? "\(path): cannot \(operation.rawValue): \(reason); free some space and run the command again"
      : "\(path): cannot \(operation.rawValue): \(reason)"
  }
}
