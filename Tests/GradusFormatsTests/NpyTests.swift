import Foundation
import GradusFormats
import GradusTestSupport
import Testing

@Suite("NumPy arrays")
struct NpyTests {
  @Test("What was written is read")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let rows: [[Float]] = [[1, -2.5, 3e-20], [.greatestFiniteMagnitude, 0, 7]]
    try NpyFile.write(rows, to: folder.path + "/a.npy")
    let file = try NpyFile(path: folder.path + "/a.npy")
    #expect(file.rows == 2 && file.columns == 3)
    #expect((0..<2).map(file.row) == rows)
    // The data begin at a multiple of 64, as NumPy has it.
    let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/a.npy"))
    #expect((bytes.count - 24) % 64 == 0)
  }

  /// As numpy 1.26 writes `np.array([[1.5, 2.0]], dtype=np.float32)`.
  private static let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }"

  private static func file(_ header: String, data: Int = 8, version: UInt8 = 1) -> Data {
    let padded = header + String(repeating: " ", count: 117 - header.utf8.count) + "\n"
    var bytes = Data([0x93] + Array("NUMPY".utf8) + [version, 0])
    bytes += withUnsafeBytes(of: UInt16(padded.utf8.count).littleEndian) { Data($0) }
    if version > 1 { bytes += Data([0, 0]) }
    bytes += Data(padded.utf8)
    return bytes + Data([0, 0, 0xc0, 0x3f, 0, 0, 0, 0x40].prefix(data))
  }

  @Test("Versions 1 and 2 are read", arguments: [1, 2])
  func versions(version: UInt8) throws {
    let folder = try TemporaryFolder()
    try Self.file(Self.header, version: version).write(to: URL(fileURLWithPath: folder.path + "/a.npy"))
    #expect(try NpyFile(path: folder.path + "/a.npy").row(0) == [1.5, 2])
  }

  @Test("What is no such array is refused")
  func refusals() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/a.npy"
    let wrong = [
      Data(), Data("hello, world, this is text".utf8), Self.file(Self.header, data: 7), Self.file(Self.header).prefix(40),
      Self.file(Self.header.replacingOccurrences(of: "<f4", with: "<f8")),
      Self.file(Self.header.replacingOccurrences(of: "False", with: "True")),
      Self.file(Self.header.replacingOccurrences(of: "(1, 2)", with: "(2,)")),
      Self.file(Self.header.replacingOccurrences(of: "(1, 2)", with: "(9223372036854775807, 9)")),
    ]
    for data in wrong {
      try data.write(to: URL(fileURLWithPath: path))
      #expect(throws: NpyError.self) { try NpyFile(path: path) }
    }
  }
}
