#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// The folder of an index as its one writer sees it: the lock, the names, what a crash left behind, the commit.
///
///     // Refuses a second writer.
///     let folder = try IndexFolder(path: "idx", calls: .posix) { try IndexManifest.read(folder: $0) }
///     let file = try folder.begin(.documents, named: "documents", ofSegment: folder.nextGeneration)
///     try folder.commit(manifest)
final class IndexFolder {
  let path: String
  /// Files that a reader may need: those of the last commit, and where it is not certain to be on the disk, of the one before.
  private var needed: Set<String>
  /// Numbers of segments that are being written beside a commit.
  private var reserved: Set<Int> = []
  /// Number of the index that this writer makes first; no file in the folder bears it or a greater one.
  let nextGeneration: Int
  let calls: SystemCalls
  private let lockDescriptor: Int32

  static let lockName = "lock"
  private static let segmentPrefix = "segment-"
  private static let runPrefix = "run-"

  /// Makes the folder where it is missing, locks it and removes what unfinished builders left.
  ///
  /// - Parameter reading: Reads the manifest of the kind of index that is written.
  init(path: String, calls: SystemCalls, reading: (String) throws -> any FolderManifest) throws {
    self.path = path
    self.calls = calls
    if mkdir(path, 0o777) != 0, errno != EEXIST { throw FileError(.create, path: path, code: errno) }
    lockDescriptor = try Self.lock(path, calls)
    // An index that cannot be read (of another version, say) is replaced, but only by the commit.
    let previous = try? reading(path)
    needed = Set(previous?.fileNames ?? [])
    let generations = Self.names(in: path).compactMap(Self.generation(ofSegment:))
    if previous != nil || access(path + "/" + IndexManifest.name, F_OK) != 0 {
      nextGeneration = (previous?.generation ?? 0) + 1
      // A writer that failed may have left a manifest that is not on the disk yet: until it is, the one before may come back.
      if hasUnneeded { try syncFolder() }
      removeUnneeded()
    } else {
      nextGeneration = (generations.max() ?? 0) + 1
    }
  }

  deinit {
    // The lock goes with the descriptor, also when the process is killed.
    close(lockDescriptor)
  }

  func path(of name: String) -> String { path + "/" + name }

  /// Begins a file of a segment.
  func begin(_ kind: SectionFileLayout.Kind, named name: String, ofSegment number: Int) throws -> SectionFileWriter {
    try SectionFileWriter(path: path(of: Self.segmentName(generation: number, kind: name)), kind: kind, calls: calls)
  }

  static func segmentName(generation: Int, kind: String) -> String { "\(segmentPrefix)\(generation).\(kind)" }

  private static func generation(ofSegment name: String) -> Int? {
    guard isSegmentName(name), let dot = name.firstIndex(of: ".") else { return nil }
    return Int(name[..<dot].dropFirst(segmentPrefix.count))
  }

  static func runName(_ number: Int) -> String { "\(runPrefix)\(number).tmp" }

  static func isSegmentName(_ name: String) -> Bool { name.hasPrefix(segmentPrefix) && !name.contains("/") }

  /// Puts the manifest in place in one step that survives a power cut; then the files of the index before may go.
  func commit(_ manifest: any FolderManifest) throws {
    let temporary = path(of: IndexManifest.temporaryName)
    let file = try AppendFile(path: temporary, calls: calls, bufferBytes: 1 << 16)
    try manifest.encoded().withUnsafeBytes { try file.append($0) }
    try file.finish()
    // The names of the segment files must be on the disk before the manifest that lists them.
    try syncFolder()
    let target = path(of: IndexManifest.name)
    guard calls.rename(temporary, target) == 0 else { throw FileError(.rename, path: target, code: errno) }
    // From here on the new index is what readers see, whatever else fails; after a power cut it may be the one before.
    needed.formUnion(manifest.fileNames)
    try syncFolder()
    needed = Set(manifest.fileNames)
    removeUnneeded()
  }

  /// Keeps the files of a segment that no manifest lists yet, until ``release(_:)``.
  func reserve(_ number: Int) { reserved.insert(number) }

  /// Ends ``reserve(_:)``.
  func release(_ number: Int) { reserved.remove(number) }

  /// Removes what this writer has written and not committed.
  func removeUnfinished() {
    for name in Self.names(in: path) where !needed.contains(name) {
      let isOwn = Self.generation(ofSegment: name).map { $0 >= nextGeneration } ?? false
      if isOwn || Self.isTemporary(name) { _ = calls.unlink(path(of: name)) }
    }
  }

  /// Removes files of our own naming that nobody needs. Other files in the folder are left alone.
  private func removeUnneeded() {
    for name in Self.names(in: path) where isUnneeded(name) { _ = calls.unlink(path(of: name)) }
  }

  private var hasUnneeded: Bool { Self.names(in: path).contains(where: isUnneeded) }

  private func isUnneeded(_ name: String) -> Bool {
    guard !needed.contains(name), Self.isSegmentName(name) || Self.isTemporary(name) else { return false }
    return Self.generation(ofSegment: name).map { !reserved.contains($0) } ?? true
  }

  private static func isTemporary(_ name: String) -> Bool {
    name == IndexManifest.temporaryName || (name.hasPrefix(runPrefix) && name.hasSuffix(".tmp"))
  }

  private func syncFolder() throws {
    let descriptor = calls.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(.open, path: path, code: errno) }
    defer { close(descriptor) }
    guard calls.fsync(descriptor) == 0 else { throw FileError(.sync, path: path, code: errno) }
  }

  private static func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: name.pointee)) {
          names.append(String(cString: $0))
        }
      }
    }
    return names.sorted()
  }

  private static func lock(_ folder: String, _ calls: SystemCalls) throws -> Int32 {
    let path = folder + "/" + lockName
    let descriptor = calls.open(path, O_RDWR | O_CREAT | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      throw [EACCES, EPERM, EROFS].contains(code) ? IndexError.readOnly(path: folder) : FileError(.create, path: path, code: code)
    }
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      defer { close(descriptor) }
      guard code == EWOULDBLOCK else { throw FileError(.open, path: path, code: code) }
      var text = [UInt8](repeating: 0, count: 32)
      let count = max(0, pread(descriptor, &text, text.count, 0))
      throw IndexError.locked(path: folder, pid: Int32(String(decoding: text[..<count], as: UTF8.self)))
    }
    let text = Array(String(getpid()).utf8)
    guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
      let code = errno
      close(descriptor)
      throw FileError(.write, path: path, code: code)
    }
    return descriptor
  }
}
