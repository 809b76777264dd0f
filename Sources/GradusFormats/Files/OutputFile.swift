import CZlib
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// A file being written that appears under its name only when it is complete.
///
///     let file = try OutputFile(path: "bm25.run.gz")
///     try file.write("1 Q0 d7 1 12.5 bm25\n")
///     try file.commit()
///
/// Bytes go to a hidden file beside the target; ``commit()`` flushes them to the disk and renames it over the target in
/// one step. Without it nothing is left behind and an existing file stays as it was. A name that ends in `.gz` is
/// compressed (without a time stamp: same text, same bytes); `-` is standard output; a device or pipe is written directly.
public final class OutputFile {
  public let path: String
  private let descriptor: Descriptor
  /// Nil where the target is written directly.
  private let temporaryPath: String?
  private let targetPath: String
  private var buffer: [UInt8] = []
  private let deflater: Deflater?
  private var isCommitted = false

  private static let bufferSize = 1 << 18

  /// - Parameter compressionLevel: 1 (fast) to 9 (small), for names that end in `.gz`.
  /// - Throws: `FileError` if the folder is missing or not writable.
  public init(path: String, compressionLevel: Int = 6) throws(FileError) {
    self.path = path
    buffer.reserveCapacity(Self.bufferSize)
    deflater = path.hasSuffix(".gz") ? try Deflater(path: path, level: compressionLevel) : nil
    if path == "-" {
      targetPath = path
      temporaryPath = nil
      descriptor = Descriptor(adopting: STDOUT_FILENO, path: path, closesItself: false)
      return
    }
    var status = stat()
    let exists = stat(path, &status) == 0
    if exists, status.st_mode & S_IFMT == S_IFDIR { throw FileError(.create, path: path, code: EISDIR) }
    if exists, status.st_mode & S_IFMT != S_IFREG {
      let number = open(path, O_WRONLY | O_CLOEXEC)
      guard number >= 0 else { throw FileError(.open, path: path, code: errno) }
      targetPath = path
      temporaryPath = nil
      descriptor = Descriptor(adopting: number, path: path, closesItself: true)
      return
    }
    // Renaming over a symbolic link would replace the link: write beside the file that it names.
    targetPath = exists ? Self.resolved(path) : path
    guard !exists || access(targetPath, W_OK) == 0 else { throw FileError(.create, path: path, code: errno) }
    let (number, temporary) = try Self.openTemporary(beside: targetPath, path: path)
    if exists { fchmod(number, status.st_mode & 0o7777) }
    temporaryPath = temporary
    descriptor = Descriptor(adopting: number, path: path, closesItself: true)
  }

  deinit {
    if let temporaryPath, !isCommitted { unlink(temporaryPath) }
  }

  /// Appends bytes; nothing is at the target before ``commit()``.
  ///
  /// - Throws: `FileError`, with `ENOSPC` where the disk is full.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    if buffer.count + bytes.count > Self.bufferSize { try flush() }
    if bytes.count >= Self.bufferSize {
      try send(bytes)
    } else {
      buffer.append(contentsOf: bytes)
    }
  }

  public func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try write($0) }
  }

  public func write(_ text: String) throws {
    var text = text
    try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
  }

  /// Makes the file appear under its name, complete and on the disk. Call it once, at the end.
  ///
  /// - Throws: `FileError`, with `ENOSPC` where the disk is full; the target is then unchanged.
  public func commit() throws {
    guard !isCommitted else { return }
    try flush()
    if let deflater {
      try deflater.finish { (bytes) throws(FileError) in try self.descriptor.writeAll(bytes) }
    }
    guard let temporaryPath else {
      isCommitted = true
      return
    }
    guard fsync(descriptor.number) == 0 else { throw FileError(.sync, path: path, code: errno) }
    guard rename(temporaryPath, targetPath) == 0 else { throw FileError(.rename, path: path, code: errno) }
    isCommitted = true
    // The file's name is an entry of its folder: without this a power cut may lose the rename.
    let folder = open(Self.folder(of: targetPath), O_RDONLY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }

  private func flush() throws {
    guard !buffer.isEmpty else { return }
    try buffer.withUnsafeBytes { try send($0) }
    buffer.removeAll(keepingCapacity: true)
  }

  private func send(_ bytes: UnsafeRawBufferPointer) throws {
    guard let deflater else { return try descriptor.writeAll(bytes) }
    try deflater.append(bytes) { (packed) throws(FileError) in try self.descriptor.writeAll(packed) }
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func resolved(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func openTemporary(beside target: String, path: String) throws(FileError) -> (Int32, String) {
    let name = target.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(target[target.utf8.index(after: $0)...]) } ?? target
    for attempt in 0..<1000 {
      let temporary = "\(folder(of: target))/.\(name).\(getpid())-\(attempt).partial"
      let number = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if number >= 0 { return (number, temporary) }
      guard errno == EEXIST else { throw FileError(.create, path: path, code: errno) }
    }
    throw FileError(.create, path: path, code: EEXIST)
  }
}
