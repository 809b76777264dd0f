#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// A file mapped into memory, read-only.
///
///     let file = try MappedFile(path: "index.postings")
///     let magic = try file.load(UInt64.self, at: 0)
///
/// Pages are read when touched and shared between processes. The file must not be cut short while it is mapped: the
/// writers of this library replace files instead of changing them, so theirs never are.
public final class MappedFile: @unchecked Sendable {
  // Unchecked: the mapping is private and read-only, and lives as long as this object.

  public let path: String
  /// Bytes in the file.
  public let count: Int
  private let base: UnsafeRawPointer?

  /// How the pages will be used.
  public enum Access: Sendable { case sequential, random, soon }

  /// - Throws: `FileError` if the file cannot be opened or mapped, or is no regular file.
  public init(path: String) throws(FileError) {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(.open, path: path, code: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(.open, path: path, code: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(.map, path: path, code: status.st_mode & S_IFMT == S_IFDIR ? EISDIR : ENODEV)
    }
    count = Int(status.st_size)
    guard count > 0 else {
      base = nil
      return
    }
    let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address, address != MAP_FAILED else { throw FileError(.map, path: path, code: errno) }
    base = UnsafeRawPointer(address)
  }

  deinit {
    if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
  }

  /// All bytes; valid as long as this object.
  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// Some of the bytes; valid as long as this object.
  ///
  /// - Throws: ``MappedFileError/outOfRange(path:range:count:)``.
  public func bytes(in range: Range<Int>) throws(MappedFileError) -> UnsafeRawBufferPointer {
    guard range.lowerBound >= 0, range.upperBound <= count else {
      throw .outOfRange(path: path, range: range, count: count)
    }
    return UnsafeRawBufferPointer(rebasing: bytes[range])
  }

  /// The value at a byte offset, aligned or not, in the machine's byte order.
  ///
  /// - Throws: ``MappedFileError/outOfRange(path:range:count:)``.
  public func load<Value: BitwiseCopyable>(_ type: Value.Type, at offset: Int) throws(MappedFileError) -> Value {
    guard offset >= 0, offset <= count - MemoryLayout<Value>.size else {
      throw .outOfRange(path: path, range: offset..<max(offset, offset &+ MemoryLayout<Value>.size), count: count)
    }
    return bytes.loadUnaligned(fromByteOffset: offset, as: type)
  }

  /// Tells the system how the pages will be used. Only speed depends on it.
  public func advise(_ access: Access) {
    guard let base else { return }
    let advice =
      switch access {
      case .sequential: MADV_SEQUENTIAL
      case .random: MADV_RANDOM
      case .soon: MADV_WILLNEED
      }
    madvise(UnsafeMutableRawPointer(mutating: base), count, Int32(advice))
  }
}

/// Access outside a mapped file: what the file says about itself does not fit its length.
public enum MappedFileError: GradusError, Equatable {
  case outOfRange(path: String, range: Range<Int>, count: Int)

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch self {
    case .outOfRange(let path, let range, let count):
      "\(path): bytes \(range.lowerBound) to \(range.upperBound) are needed, but the file has \(count); "
        + "it is cut short or damaged"
    }
  }
}
