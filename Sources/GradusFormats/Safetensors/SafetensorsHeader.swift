import GradusCore

/// The checked header of a safetensors file.
struct SafetensorsHeader {
  var tensors: [TensorInfo] = []
  var metadata: [String: String] = [:]

  /// - Parameters:
  ///   - bytes: The JSON text.
  ///   - dataCount: Bytes that follow the header.
  init(_ bytes: UnsafeBufferPointer<UInt8>, dataCount: Int, path: String) throws(SafetensorsError) {
    if let offset = UTF8Validation.firstInvalidByte(in: bytes) { throw .headerNotUTF8(path: path, offset: offset) }
    var parser = Parser(scanner: JSONScanner(bytes), path: path)
    do {
      try parser.parse()
    } catch let error as JSONError {
      throw .headerNotJSON(path: path, error: error)
    } catch let error as SafetensorsError {
      throw error
    } catch {
      throw .headerNotJSON(path: path, error: JSONError(offset: 0, reason: .expected("a safetensors header")))
    }
    metadata = parser.metadata
    try Self.checkLayout(parser.tensors, dataCount: dataCount, path: path)
    tensors = parser.tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  private static func checkLayout(_ tensors: [TensorInfo], dataCount: Int, path: String) throws(SafetensorsError) {
    var end = 0
    var previous = ""
    let ordered = tensors.sorted {
      ($0.dataRange.lowerBound, $0.dataRange.upperBound) < ($1.dataRange.lowerBound, $1.dataRange.upperBound)
    }
    for tensor in ordered {
      guard tensor.dataRange.upperBound <= dataCount else { throw .outOfRange(path: path, tensor: tensor.name) }
      if tensor.dataRange.lowerBound < end { throw .overlap(path: path, first: previous, second: tensor.name) }
      if tensor.dataRange.lowerBound > end { throw .hole(path: path, offset: end) }
      end = tensor.dataRange.upperBound
      previous = tensor.name
    }
    if end < dataCount { throw .hole(path: path, offset: end) }
  }

  private struct Parser {
    var scanner: JSONScanner
    let path: String
    var tensors: [TensorInfo] = []
    var metadata: [String: String] = [:]

    mutating func parse() throws {
      var key: [UInt8] = []
      var seen: Set<[UInt8]> = []
      try scanner.beginObject()
      while try scanner.nextKey(into: &key) {
        let name = String(decoding: key, as: UTF8.self)
        guard seen.insert(key).inserted else { throw SafetensorsError.duplicateKey(path: path, key: name) }
        if name == "__metadata__" {
          try parseMetadata()
        } else {
          try parseTensor(name)
        }
      }
      try scanner.finish()
    }

    private mutating func parseMetadata() throws {
      var key: [UInt8] = []
      var seen: Set<[UInt8]> = []
      try scanner.beginObject()
      while try scanner.nextKey(into: &key) {
        let name = String(decoding: key, as: UTF8.self)
        guard seen.insert(key).inserted else { throw SafetensorsError.duplicateKey(path: path, key: name) }
        metadata[name] = try scanner.readString()
      }
    }

    private mutating func parseTensor(_ name: String) throws {
      var key: [UInt8] = []
      var seen: Set<[UInt8]> = []
      var type: SafetensorsType?
      var shape: [Int]?
      var offsets: [Int]?
      try scanner.beginObject()
      while try scanner.nextKey(into: &key) {
        let field = String(decoding: key, as: UTF8.self)
        guard seen.insert(key).inserted else { throw SafetensorsError.duplicateKey(path: path, key: field) }
        switch field {
        case "dtype":
          let text = try scanner.readString()
          type = SafetensorsType(rawValue: text)
          guard type != nil else { throw SafetensorsError.unknownType(path: path, tensor: name, type: text) }
        case "shape": shape = try integers()
        case "data_offsets": offsets = try integers()
        default: try scanner.skipValue()
        }
      }
      guard let type else { throw SafetensorsError.missingField(path: path, tensor: name, field: "dtype") }
      guard let shape else { throw SafetensorsError.missingField(path: path, tensor: name, field: "shape") }
      guard let offsets else { throw SafetensorsError.missingField(path: path, tensor: name, field: "data_offsets") }
      guard let byteCount = TensorInfo.byteCount(type, shape) else {
        throw SafetensorsError.invalidShape(path: path, tensor: name)
      }
      guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1] else {
        throw SafetensorsError.invalidOffsets(path: path, tensor: name)
      }
      guard offsets[1] - offsets[0] == byteCount else {
        throw SafetensorsError.sizeMismatch(
          path: path, tensor: name, expected: byteCount, found: offsets[1] - offsets[0])
      }
      tensors.append(TensorInfo(name: name, type: type, shape: shape, dataRange: offsets[0]..<offsets[1]))
    }

    private mutating func integers() throws -> [Int] {
      var values: [Int] = []
      try scanner.beginArray()
      while try scanner.nextElement() { values.append(try scanner.readInteger()) }
      return values
    }
  }
}
