#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// A folder of plain text files, packed or not: one document each.
///
/// The docno is the path inside the folder, with white space and `%` written as `%20` and `%25`; files come in byte order
/// of that path. Hidden files and folders are left out.
final class TextFolderSource: DocumentSource {
  private let folder: String
  private let paths: [String]
  private var position = 0

  init(folder: String) throws {
    self.folder = folder
    var paths: [String] = []
    try Self.collect(folder, below: "", into: &paths)
    guard !paths.isEmpty else { throw CorpusFormatError(file: folder, line: 0, reason: .emptyFolder) }
    self.paths = paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  func next(into fields: inout DocumentFields) throws -> Bool {
    guard position < paths.count else { return false }
    let path = paths[position]
    position += 1
    fields.file = folder + "/" + path
    fields.line = 1
    fields.docno.append(contentsOf: Self.docno(path))
    fields.text = try TextFile.read(fields.file)
    return true
  }

  static func docno(_ path: String) -> [UInt8] {
    var docno: [UInt8] = []
    for byte in path.utf8 {
      if FieldSplitter.isSpace(byte) || byte == UInt8(ascii: "%") {
        docno.append(contentsOf: "%\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))".utf8)
      } else {
        docno.append(byte)
      }
    }
    return docno
  }

  private static func collect(_ folder: String, below prefix: String, into paths: inout [String]) throws(FileError) {
    guard let stream = opendir(folder) else { throw FileError(.open, path: folder, code: errno) }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name.utf8.first == UInt8(ascii: ".") { continue }
      let path = folder + "/" + name
      var status = stat()
      // Links to folders are not followed: they may lead in circles.
      guard lstat(path, &status) == 0 else { throw FileError(.open, path: path, code: errno) }
      if status.st_mode & S_IFMT == S_IFDIR {
        try collect(path, below: prefix + name + "/", into: &paths)
      } else if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
        paths.append(prefix + name)
      }
    }
  }
}
