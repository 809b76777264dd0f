import GradusCore

/// The checked header of a GGUF file: everything before the tensors' data.
struct GGUFHeader {
  var version: UInt32 = 0
  var alignment = 32
  var metadata: [String: GGUFValue] = [:]
  var keys: [String] = []
  var tensors: [GGUFTensorInfo] = []

  private let bytes: UnsafeRawBufferPointer
  private let path: String
  private var offset = 0
  /// What is being read, for messages.
  private var part = "header"

  /// - Parameter bytes: The whole file.
  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(GGUFError) {
    self.bytes = bytes
    self.path = path
    try parse()
  }

  private mutating func parse() throws(GGUFError) {
    guard bytes.count >= 4, bytes.prefix(4).elementsEqual("GGUF".utf8) else { throw fault(.magic, at: 0) }
    offset = 4
    version = try read(UInt32.self)
    if version & 0xFFFF == 0, version != 0 { throw fault(.bigEndian, at: 4) }
    guard version == 2 || version == 3 else { throw fault(.version(version), at: 4) }
    // A tensor's statement has a name, dimensions, type and offset: 24 bytes at least. A key has a length, a type, a value.
    let tensorCount = try readCount(minimumBytes: 24)
    let keyCount = try readCount(minimumBytes: 13)
    for number in 0..<keyCount {
      part = "key number \(number)"
      try readKeyValue()
    }
    var statements: [Statement] = []
    statements.reserveCapacity(tensorCount)
    var names: Set<String> = []
    for number in 0..<tensorCount {
      part = "tensor number \(number)"
      let statement = try readStatement()
      guard names.insert(statement.name).inserted else { throw fault(.duplicate, at: statement.start) }
      statements.append(statement)
    }
    try place(statements)
  }

  // MARK: Metadata

  private mutating func readKeyValue() throws(GGUFError) {
    let start = offset
    let key = try readString()
    part = "key '\(key)'"
    let type = try readType()
    let valueStart = offset
    let value = try readValue(type)
    guard metadata.updateValue(value, forKey: key) == nil else { throw fault(.duplicate, at: start) }
    keys.append(key)
    if key == "general.alignment" {
      guard case .uint32(let stated) = value, stated > 0, stated & (stated - 1) == 0 else {
        throw fault(.alignment, at: valueStart)
      }
      alignment = Int(stated)
    }
  }

  private mutating func readType() throws(GGUFError) -> GGUFValueType {
    let start = offset
    let number = try read(UInt32.self)
    guard let type = GGUFValueType(rawValue: number) else { throw fault(.unknownValueType(number), at: start) }
    return type
  }

  private mutating func readValue(_ type: GGUFValueType) throws(GGUFError) -> GGUFValue {
    switch type {
    case .uint8: .uint8(try read())
    case .int8: .int8(try read())
    case .uint16: .uint16(try read())
    case .int16: .int16(try read())
    case .uint32: .uint32(try read())
    case .int32: .int32(try read())
    case .float32: .float32(Float(bitPattern: try read()))
    case .bool: .bool(try readBool())
    case .string: .string(try readString())
    case .array: .array(try readArray(depth: 1))
    case .uint64: .uint64(try read())
    case .int64: .int64(try read())
    case .float64: .float64(Double(bitPattern: try read()))
    }
  }

  private mutating func readArray(depth: Int) throws(GGUFError) -> GGUFArray {
    guard depth <= GGUFFile.maximumArrayDepth else { throw fault(.tooDeep, at: offset) }
    let type = try readType()
    let count = try readCount(minimumBytes: type.minimumBytes)
    switch type {
    case .uint8: return .uint8(readIntegers(count))
    case .int8: return .int8(readIntegers(count))
    case .uint16: return .uint16(readIntegers(count))
    case .int16: return .int16(readIntegers(count))
    case .uint32: return .uint32(readIntegers(count))
    case .int32: return .int32(readIntegers(count))
    case .float32: return .float32(readIntegers(count).map(Float.init(bitPattern:)))
    case .uint64: return .uint64(readIntegers(count))
    case .int64: return .int64(readIntegers(count))
    case .float64: return .float64(readIntegers(count).map(Double.init(bitPattern:)))
    case .bool:
      var values: [Bool] = []
      values.reserveCapacity(count)
      for _ in 0..<count { values.append(try readBool()) }
      return .bool(values)
    case .string:
      var values: [String] = []
      values.reserveCapacity(count)
      for _ in 0..<count { values.append(try readString()) }
      return .string(values)
    case .array:
      var values: [GGUFArray] = []
      values.reserveCapacity(count)
      for _ in 0..<count { values.append(try readArray(depth: depth + 1)) }
      return .array(values)
    }
  }

  /// The caller has made sure that the bytes are there.
  private mutating func readIntegers<Integer: FixedWidthInteger & BitwiseCopyable>(_ count: Int) -> [Integer] {
    let size = MemoryLayout<Integer>.size
    let start = offset
    offset += count * size
    return (0..<count).map {
      Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: start + $0 * size, as: Integer.self))
    }
  }

  // MARK: Tensors

  private struct Statement {
    let start: Int
    let name: String
    let dimensions: [Int]
    let type: GGUFTensorType
    let offset: UInt64
    let byteCount: Int
  }

  private mutating func readStatement() throws(GGUFError) -> Statement {
    let start = offset
    let name = try readString()
    part = "tensor '\(name)'"
    let dimensionStart = offset
    let dimensionCount = try read(UInt32.self)
    guard dimensionCount <= GGUFFile.maximumDimensions else {
      throw fault(.dimensionCount(dimensionCount), at: dimensionStart)
    }
    var dimensions: [Int] = []
    var elements = 1
    for _ in 0..<dimensionCount {
      let stated = try read(UInt64.self)
      guard let dimension = Int(exactly: stated) else { throw fault(.tooManyElements, at: dimensionStart) }
      // A dimension of 0 must not hide an overflow of the others.
      let (product, overflow) = max(elements, 1).multipliedReportingOverflow(by: max(dimension, 1))
      guard !overflow else { throw fault(.tooManyElements, at: dimensionStart) }
      elements = product
      dimensions.append(dimension)
    }
    let typeStart = offset
    let typeNumber = try read(UInt32.self)
    guard let type = GGUFTensorType(rawValue: typeNumber) else {
      throw fault(.unknownTensorType(typeNumber), at: typeStart)
    }
    let rowLength = dimensions.first ?? 1
    guard rowLength % type.blockSize == 0 else {
      throw fault(.blocks(dimension: rowLength, blockSize: type.blockSize), at: dimensionStart)
    }
    // A row must be countable also where there is none of it.
    guard let byteCount = type.byteCount(dimensions.contains(0) ? 0 : elements), type.byteCount(rowLength) != nil else {
      throw fault(.tooManyElements, at: dimensionStart)
    }
    return Statement(
      start: start, name: name, dimensions: dimensions, type: type, offset: try read(UInt64.self), byteCount: byteCount)
  }

  /// Checks that every tensor lies in the file, aligned, and apart from the others.
  private mutating func place(_ statements: [Statement]) throws(GGUFError) {
    let (padded, overflow) = offset.addingReportingOverflow(alignment - 1)
    let dataStart = overflow ? bytes.count : padded / alignment * alignment
    let available = max(0, bytes.count - dataStart)
    tensors.reserveCapacity(statements.count)
    for statement in statements {
      part = "tensor '\(statement.name)'"
      guard statement.offset % UInt64(alignment) == 0 else {
        throw fault(.misaligned(offset: statement.offset, alignment: alignment), at: statement.start)
      }
      guard statement.byteCount <= available, statement.offset <= UInt64(available - statement.byteCount) else {
        throw fault(
          .outside(offset: statement.offset, bytes: statement.byteCount, available: available), at: statement.start)
      }
      // A tensor without elements may stand behind the padding that nobody wrote.
      let start = min(dataStart + Int(statement.offset), bytes.count)
      tensors.append(
        GGUFTensorInfo(
          name: statement.name, dimensions: statement.dimensions, type: statement.type,
          byteRange: start..<(start + statement.byteCount)))
    }
    let ordered = tensors.indices.filter { !tensors[$0].byteRange.isEmpty }
      .sorted { (tensors[$0].byteRange.lowerBound, $0) < (tensors[$1].byteRange.lowerBound, $1) }
    for (first, second) in zip(ordered, ordered.dropFirst())
    where tensors[first].byteRange.upperBound > tensors[second].byteRange.lowerBound {
      part = "tensor '\(tensors[second].name)'"
      throw fault(.overlaps(tensors[first].name), at: statements[second].start)
    }
  }

  // MARK: Elements

  private mutating func read<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ type: Integer.Type = Integer.self
  ) throws(GGUFError) -> Integer {
    let size = MemoryLayout<Integer>.size
    guard bytes.count - offset >= size else {
      throw fault(.truncated(needed: UInt64(size), available: bytes.count - offset), at: offset)
    }
    defer { offset += size }
    return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Integer.self))
  }

  /// A number of items of at least `minimumBytes` each, so that nothing is reserved that the file cannot fill.
  private mutating func readCount(minimumBytes: Int) throws(GGUFError) -> Int {
    let start = offset
    let count = try read(UInt64.self)
    let available = bytes.count - offset
    guard count <= UInt64(available / minimumBytes) else { throw fault(.count(count, available: available), at: start) }
    return Int(count)
  }

  private mutating func readBool() throws(GGUFError) -> Bool {
    let start = offset
    let byte = try read(UInt8.self)
    guard byte <= 1 else { throw fault(.boolean(byte), at: start) }
    return byte == 1
  }

  private mutating func readString() throws(GGUFError) -> String {
    let start = offset
    let length = try read(UInt64.self)
    guard length <= UInt64(bytes.count - offset) else {
      throw fault(.truncated(needed: length, available: bytes.count - offset), at: start)
    }
    let range = offset..<(offset + Int(length))
    guard let text = String(validating: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self) else {
      throw fault(.notUTF8, at: start)
    }
    offset = range.upperBound
    return text
  }

  private func fault(_ reason: GGUFError.Reason, at offset: Int) -> GGUFError {
    .malformed(path: path, offset: offset, part: part, reason: reason)
  }
}
