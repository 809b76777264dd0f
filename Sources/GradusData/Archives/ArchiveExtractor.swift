#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// Unpacks chosen files of an archive under a folder, and nowhere else.
///
///     try ArchiveExtractor.extract(.file("scifact.zip"), to: staging) { $0.hasPrefix("scifact/") ? $0 : nil }
enum ArchiveExtractor {
  struct ExtractedFile: Equatable {
    /// Relative to the folder.
    let path: String
    let bytes: Int
    let sha256: String
  }

  /// Writes each entry for which `destination` gives a relative path.
  ///
  /// - Returns: What was written, ordered by path.
  /// - Throws: ``ArchiveError/escapingEntry(archive:entry:)`` for a path that is absolute or climbs out with `..`, before
  ///   anything of that entry is written.
  static func extract(
    _ source: ArchiveReader.Source, to folder: String, destination: (String) -> String?
  ) throws -> [ExtractedFile] {
    var files: [ExtractedFile] = []
    try ArchiveReader.forEachEntry(of: source) { entry in
      guard let relative = destination(entry.path) else { return }
      guard isContained(relative) else { throw ArchiveError.escapingEntry(archive: source.name, entry: entry.path) }
      let path = folder + "/" + relative
      try StagedFolder.makeFolder(path.parentFolder)
      // O_EXCL with O_NOFOLLOW: an archive that names a file twice, or plants a link, cannot redirect a write.
      let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw FileError(.create, path: path, code: errno) }
      defer { close(descriptor) }
      var digest = SHA256Digest()
      var count = 0
      try entry.forEachBlock { block in
        try WholeFile.write(block, to: descriptor, path: path)
        digest.update(block)
        count += block.count
      }
      guard fsync(descriptor) == 0 else { throw FileError(.sync, path: path, code: errno) }
      files.append(ExtractedFile(path: relative, bytes: count, sha256: digest.finish()))
    }
    return files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// False for absolute paths, for `..` as a component and for empty paths.
  static func isContained(_ path: String) -> Bool {
    !path.isEmpty && !path.hasPrefix("/") && !path.utf8.contains(0) && !path.utf8.contains(UInt8(ascii: "\\"))
      && !path.split(separator: "/").contains("..")
  }
}
