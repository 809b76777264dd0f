import CArchive
import GradusCore

/// Reads zip, tar (gz, bz2, xz, zstd) and ar archives, entry by entry, by libarchive.
///
///     try ArchiveReader.forEachEntry(of: .file("model.whl")) { entry in
///       if entry.path.hasSuffix("config.json") { config = try entry.bytes() }
///     }
enum ArchiveReader {
  enum Source {
    case file(String)
    /// An archive inside another; `name` stands for it in errors.
    case memory([UInt8], name: String)

    var name: String {
      switch self {
      case .file(let path): path
      case .memory(_, let name): name
      }
    }
  }

  /// A regular file in an archive. Valid only inside the call that it was given to.
  struct Entry {
    /// As the archive spells it, without a leading `./`.
    let path: String
    fileprivate let handle: OpaquePointer
    fileprivate let archive: String

    /// The content; can be read once.
    func bytes() throws -> [UInt8] {
      var result: [UInt8] = []
      try forEachBlock { result.append(contentsOf: $0) }
      return result
    }

    /// Calls `body` with the content in order, in blocks of the archive's choice.
    func forEachBlock(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
      var start: UnsafeRawPointer?
      var count = 0
      var offset: Int64 = 0
      var written: Int64 = 0
      while true {
        let status = archive_read_data_block(handle, &start, &count, &offset)
        if status == ARCHIVE_EOF { return }
        guard status == ARCHIVE_OK else { throw ArchiveReader.failure(handle, archive) }
        guard offset == written else { throw ArchiveError.unreadable(archive: archive, reason: "\(path) is a sparse file") }
        try body(UnsafeRawBufferPointer(start: start, count: count))
        written += Int64(count)
      }
    }
  }

  /// Calls `body` for each regular file, in the archive's order; links, folders and devices are passed over.
  static func forEachEntry(of source: Source, _ body: (Entry) throws -> Void) throws {
    guard let handle = archive_read_new() else { throw ArchiveError.unreadable(archive: source.name, reason: "no memory") }
    defer { archive_read_free(handle) }
    archive_read_support_filter_all(handle)
    archive_read_support_format_zip(handle)
    archive_read_support_format_tar(handle)
    archive_read_support_format_ar(handle)
    switch source {
    case .file(let path):
      guard FileStatus.isFile(path) else { throw FileError(.open, path: path, code: 2) }
      guard archive_read_open_filename(handle, path, 1 << 17) == ARCHIVE_OK else { throw failure(handle, path) }
      try read(handle, name: path, body)
    case .memory(let bytes, let name):
      try bytes.withUnsafeBytes { buffer in
        guard archive_read_open_memory(handle, buffer.baseAddress, buffer.count) == ARCHIVE_OK else {
          throw failure(handle, name)
        }
        try read(handle, name: name, body)
      }
    }
  }

  private static func read(_ handle: OpaquePointer, name: String, _ body: (Entry) throws -> Void) throws {
    var entry: OpaquePointer?
    while true {
      let status = archive_read_next_header(handle, &entry)
      if status == ARCHIVE_EOF { return }
      guard status == ARCHIVE_OK || status == ARCHIVE_WARN, let entry else { throw failure(handle, name) }
      guard archive_entry_filetype(entry) & mode_t(fileTypeMask) == mode_t(regularFile), archive_entry_hardlink(entry) == nil,
        let path = archive_entry_pathname_utf8(entry) ?? archive_entry_pathname(entry)
      else { continue }
      var text = String(cString: path)
      if text.hasPrefix("./") { text.removeFirst(2) }
      try body(Entry(path: text, handle: handle, archive: name))
    }
  }

  fileprivate static func failure(_ handle: OpaquePointer, _ archive: String) -> ArchiveError {
    .unreadable(archive: archive, reason: archive_error_string(handle).map { String(cString: $0) } ?? "damaged archive")
  }

  // libarchive spells these as casts that Swift does not import.
  private static let fileTypeMask = 0o170000
  private static let regularFile = 0o100000
}
