import GradusCore
import GradusTestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@testable import GradusFormats

@Suite("Files")
struct FilesTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func lines(_ path: String) throws -> [String] {
    let reader = try LineReader(path: path)
    var lines: [String] = []
    try reader.forEachLine { line, number in
      lines.append(String(utf8: line))
      #expect(number == lines.count)
    }
    return lines
  }

  private func gzip(_ text: String, _ name: String = "packed.gz") throws -> [UInt8] {
    let path = folder.path + "/" + name
    let file = try OutputFile(path: path)
    try file.write(text)
    try file.commit()
    return try TemporaryFolder.read(path)
  }

  @Test("Lines come without LF or CRLF, the last one with or without")
  func lineBreaks() throws {
    #expect(try lines(folder.write("one\r\ntwo\n\nfour", "a")) == ["one", "two", "", "four"])
    #expect(try lines(folder.write("one\n", "b")) == ["one"])
    #expect(try lines(folder.write("", "c")).isEmpty)
    #expect(try lines(folder.write("\u{FEFF}one\n\u{FEFF}two", "d")) == ["one", "\u{FEFF}two"])
  }

  @Test("Long lines and lines at buffer borders come whole, packed or not")
  func longLines() throws {
    let long = (0..<60).map { String(repeating: "é\($0)", count: 7001 + $0 * 311) }
    let text = long.joined(separator: "\n")
    #expect(try lines(folder.write(text, "plain")) == long)
    #expect(try lines(folder.write(gzip(text), "packed.gz")) == long)
  }

  @Test("The first byte that is not UTF-8 is named by line and column")
  func invalidUTF8() throws {
    let latin1 = try folder.write(Array("caf\n na".utf8) + [0xEF] + Array("ve\n".utf8), "latin1")
    #expect(throws: TextFileError(file: latin1, line: 2, column: 4, reason: .invalidUTF8(byte: 0xEF))) { try lines(latin1) }
    let utf16 = try folder.write([0xFF, 0xFE, 0x61, 0], "utf16")
    #expect(throws: TextFileError(file: utf16, line: 1, column: 1, reason: .utf16)) { try lines(utf16) }
    let topics = try folder.write(Array("1\tna".utf8) + [0xEF] + Array("ve\n".utf8), "topics")
    let error = #expect(throws: TextFileError.self) { try TopicsReader.read(topics) }
    #expect(error?.failureKind == .badData && error?.description.contains("latin1") == true)
  }

  @Test(
    "Ill-formed sequences of every kind are found where they start",
    arguments: [
      [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0x80], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0x80, 0x80],
      [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xC3], [0xFF],
    ] as [[UInt8]])
  func illFormed(bytes: [UInt8]) {
    let text = Array("0123456789é".utf8) + bytes
    #expect(text.withUnsafeBufferPointer(UTF8Validation.firstInvalidByte) == 12)
  }

  @Test("Concatenated gzip members read as one text; zero padding is allowed; content tells, not the name")
  func gzipMembers() throws {
    let both = try gzip("a\nb", "1.gz") + gzip("c\nd\n", "2.gz")
    #expect(try lines(folder.write(both, "both.gz")) == ["a", "bc", "d"])
    #expect(try lines(folder.write(both + [0, 0, 0], "padded")) == ["a", "bc", "d"])
    #expect(try lines(folder.write(gzip(""), "empty.gz")).isEmpty)
  }

  @Test("Broken gzip files are refused by the kind of damage")
  func brokenGzip() throws {
    let text = (0..<5000).map { "line \($0 &* 7919 % 10007)" }.joined(separator: "\n")
    let good = try gzip(text)
    func reason(_ bytes: [UInt8], _ name: String = "x.gz") throws -> GzipError.Reason? {
      let path = try folder.write(bytes, name)
      return #expect(throws: GzipError.self) { try lines(path) }?.reason
    }
    for cut in [2, 10, 11, good.count / 2, good.count - 8, good.count - 1] {
      #expect(try reason(Array(good[..<cut])) == .truncated, "cut at \(cut)")
    }
    var flipped = good
    flipped[good.count - 5] ^= 1
    #expect(try reason(flipped) == .corrupt)
    #expect(try reason(good + [1, 2, 3]) == .trailingBytes)
    #expect(try reason(Array("plain".utf8)) == .notGzip)
    #expect(try reason([]) == .truncated)
    #expect(try reason([0x1F, 0x9D, 0x90, 0], "y.Z") == .otherCompression("compress (.Z)"))
    #expect(try reason([0x28, 0xB5, 0x2F, 0xFD], "y.zst") == .otherCompression("zstd"))
  }

  @Test("A missing file is missing input, a folder cannot be read")
  func missing() throws {
    let path = folder.path + "/none"
    let error = #expect(throws: FileError.self) { try LineReader(path: path) }
    #expect(error == FileError(.open, path: path, code: ENOENT) && error?.failureKind == .missingInput)
    #expect(throws: FileError(.read, path: folder.path, code: EISDIR)) { try LineReader(path: folder.path) }
  }

  @Test("A file appears on commit only; without it nothing is left and nothing is overwritten")
  func atomicity() throws {
    let path = try folder.write("old", "out")
    chmod(path, 0o640)
    do {
      let file = try OutputFile(path: path)
      try file.write("new")
      #expect(try TemporaryFolder.read(path) == Array("old".utf8))
    }
    #expect(try folder.names() == ["out"])
    #expect(try TemporaryFolder.read(path) == Array("old".utf8))
    let file = try OutputFile(path: path)
    try file.write("new")
    try file.commit()
    #expect(try folder.names() == ["out"])
    #expect(try TemporaryFolder.read(path) == Array("new".utf8))
    var status = stat()
    stat(path, &status)
    #expect(status.st_mode & 0o777 == 0o640)
  }

  @Test("Writing through a symbolic link keeps the link")
  func symbolicLink() throws {
    let target = try folder.write("old", "target")
    let link = folder.path + "/link"
    symlink(target, link)
    let file = try OutputFile(path: link)
    try file.write("new")
    try file.commit()
    var status = stat()
    lstat(link, &status)
    #expect(status.st_mode & S_IFMT == S_IFLNK)
    #expect(try TemporaryFolder.read(target) == Array("new".utf8))
  }

  @Test("A full disk is an error, also when only the last flush meets it", arguments: ["/dev/full"])
  func fullDisk(path: String) throws {
    guard access(path, W_OK) == 0 else { return }
    for count in [10, 1 << 20] {
      let file = try OutputFile(path: path)
      #expect(throws: FileError(.write, path: path, code: ENOSPC)) {
        try file.write([UInt8](repeating: 65, count: count))
        try file.commit()
      }
    }
  }

  @Test("A folder that is missing, or the name of a folder, cannot be written to")
  func unwritable() throws {
    let path = folder.path + "/none/out"
    #expect(throws: FileError(.create, path: path, code: ENOENT)) { try OutputFile(path: path) }
    #expect(throws: FileError(.create, path: folder.path, code: EISDIR)) { try OutputFile(path: folder.path) }
  }

  @Test("Without permission files can be neither read nor made", .disabled(if: geteuid() == 0, "root may do everything"))
  func permissions() throws {
    let secret = try folder.write("x", "secret")
    chmod(secret, 0)
    #expect(throws: FileError(.open, path: secret, code: EACCES)) { try LineReader(path: secret) }
    chmod(folder.path, 0o500)
    defer { chmod(folder.path, 0o700) }
    let path = folder.path + "/out"
    #expect(throws: FileError(.create, path: path, code: EACCES)) { try OutputFile(path: path) }
  }

  @Test("Packed output has the same bytes each time")
  func deterministicGzip() throws {
    #expect(try gzip("some text", "a.gz") == gzip("some text", "b.gz"))
  }

  @Test("A mapped file gives its bytes and refuses what is outside")
  func mapped() throws {
    let path = try folder.write([1, 0, 0, 0, 2, 0, 0, 0, 9], "map")
    let file = try MappedFile(path: path)
    #expect(try file.load(UInt32.self, at: 4) == 2 && file.load(UInt8.self, at: 8) == 9)
    #expect(try Array(file.bytes(in: 7..<9)) == [0, 9])
    for offset in [6, 9, -1, Int.max] {
      #expect(throws: MappedFileError.self) { try file.load(UInt32.self, at: offset) }
    }
    #expect(throws: MappedFileError.outOfRange(path: path, range: 8..<10, count: 9)) { try file.bytes(in: 8..<10) }
    let empty = try MappedFile(path: folder.write("", "empty"))
    #expect(empty.count == 0 && empty.bytes.isEmpty)
    #expect(throws: FileError(.map, path: folder.path, code: EISDIR)) { try MappedFile(path: folder.path) }
  }
}
