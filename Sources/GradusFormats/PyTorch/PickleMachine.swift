/// The part of Python's pickle that state dictionaries are written in, as a machine that builds values and calls nothing.
///
/// A pickle is a program: what it names is imported and called by Python. Here the few names of `torch.save` have a meaning of
/// their own, and every other one is an error. Work and memory are in proportion to the bytes.
struct PickleMachine {
  indirect enum Value {
    case none
    case flag(Bool)
    case integer(Int)
    /// An integer of more than eight bytes, little-endian.
    case long([UInt8])
    case text(String)
    case container(Container)
    /// What Python would import.
    case global(String)
    case storage(Storage)
    case tensor(Tensor)
    /// A value that no tensor depends on: fractions, bytes.
    case other
  }

  /// A list, a tuple, or a dictionary as keys and values in turn. Shared, as Python's are.
  final class Container {
    enum Kind { case list, tuple, dictionary }
    let kind: Kind
    var items: [Value]

    init(_ kind: Kind, _ items: [Value] = []) {
      self.kind = kind
      self.items = items
    }
  }

  /// Numbers of one type, of which tensors are views.
  struct Storage {
    let key: String
    let type: SafetensorsType
    let count: Int
  }

  struct Tensor {
    let storage: Storage
    let offset: Int
    let shape: [Int]
    let strides: [Int]
  }

  // What a few bytes can have made again and again, from values that were remembered, has bounds.
  private static let mostDimensions = 64
  private static let longestName = 1024

  private let bytes: UnsafeRawBufferPointer
  private let path: String
  private(set) var place: Int
  /// By key, every storage that was named.
  private(set) var storages: [String: Storage] = [:]
  private var stack: [Value] = []
  private var marks: [Int] = []
  private var memo: [Int: Value] = [:]
  /// All containers, so that they are let go of one by one and not one within the other, however deep.
  private var containers: [Container] = []

  init(_ bytes: UnsafeRawBufferPointer, at place: Int = 0, path: String) {
    self.bytes = bytes
    self.place = place
    self.path = path
  }

  /// Runs one pickle, from ``place`` to its end, and hands the result to `body`, which must not keep containers.
  mutating func run<Result>(_ body: (Value) throws(PyTorchError) -> Result) throws(PyTorchError) -> Result {
    defer {
      stack = []
      marks = []
      memo = [:]
      for container in containers { container.items = [] }
      containers = []
    }
    while true {
      let start = place
      let code = try number(UInt8.self)
      if code == UInt8(ascii: ".") { return try body(try pop(code, start)) }
      try step(code, start)
    }
  }

  // MARK: - Instructions

  private mutating func step(_ code: UInt8, _ start: Int) throws(PyTorchError) {
    switch code {
    case 0x80: _ = try number(UInt8.self)
    case 0x95: _ = try number(UInt64.self)
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "0"): _ = try pop(code, start)
    case UInt8(ascii: "1"): _ = try popMarked(code, start)
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88, 0x89: stack.append(.flag(code == 0x88))
    case UInt8(ascii: "K"): stack.append(.integer(Int(try number(UInt8.self))))
    case UInt8(ascii: "M"): stack.append(.integer(Int(try number(UInt16.self))))
    case UInt8(ascii: "J"): stack.append(.integer(Int(try number(Int32.self))))
    case 0x8A: stack.append(Self.integer(Array(try take(Int(try number(UInt8.self))))))
    case UInt8(ascii: "G"):
      _ = try take(8)
      stack.append(.other)
    case UInt8(ascii: "X"): stack.append(.text(try text(Int(try number(UInt32.self)))))
    case 0x8C, UInt8(ascii: "U"): stack.append(.text(try text(Int(try number(UInt8.self)))))
    case UInt8(ascii: "C"):
      _ = try take(Int(try number(UInt8.self)))
      stack.append(.other)
    case UInt8(ascii: "B"):
      _ = try take(Int(try number(UInt32.self)))
      stack.append(.other)
    case UInt8(ascii: "]"): push(.list, [])
    case UInt8(ascii: "}"): push(.dictionary, [])
    case UInt8(ascii: ")"): push(.tuple, [])
    case UInt8(ascii: "t"): push(.tuple, try popMarked(code, start))
    case 0x85, 0x86, 0x87:
      let count = Int(code) - 0x84
      guard stack.count >= count else { throw unexpected(code, start) }
      let items = Array(stack.suffix(count))
      stack.removeLast(count)
      push(.tuple, items)
    case UInt8(ascii: "a"):
      let item = try pop(code, start)
      try extend(.list, [item], code, start)
    case UInt8(ascii: "e"), UInt8(ascii: "u"):
      let items = try popMarked(code, start)
      try extend(code == UInt8(ascii: "e") ? .list : .dictionary, items, code, start)
    case UInt8(ascii: "s"):
      let value = try pop(code, start)
      let key = try pop(code, start)
      try extend(.dictionary, [key, value], code, start)
    case UInt8(ascii: "q"): try remember(Int(try number(UInt8.self)), code, start)
    case UInt8(ascii: "r"): try remember(Int(try number(UInt32.self)), code, start)
    case 0x94: try remember(memo.count, code, start)
    case UInt8(ascii: "h"): try recall(Int(try number(UInt8.self)), code, start)
    case UInt8(ascii: "j"): try recall(Int(try number(UInt32.self)), code, start)
    case UInt8(ascii: "c"):
      let module = try line()
      stack.append(.global("\(module).\(try line())"))
    case 0x93:
      guard case .text(let name) = try pop(code, start), case .text(let module) = try pop(code, start),
        name.utf8.count + module.utf8.count <= Self.longestName
      else { throw unexpected(code, start) }
      stack.append(.global("\(module).\(name)"))
    case UInt8(ascii: "Q"): try pushStorage(try pop(code, start), code, start)
    case UInt8(ascii: "R"):
      guard case .container(let arguments) = try pop(code, start), case .global(let name) = try pop(code, start) else {
        throw unexpected(code, start)
      }
      try rebuild(name, arguments.items, code, start)
    case 0x81:
      guard case .container = try pop(code, start), case .global(let name) = try pop(code, start) else {
        throw unexpected(code, start)
      }
      throw PyTorchError(path: path, reason: .code(name))
    // The state of an object: attributes of a dictionary, such as its versions.
    case UInt8(ascii: "b"): _ = try pop(code, start)
    default: throw unexpected(code, start)
    }
  }

  /// What the names of `torch.save` stand for.
  private mutating func rebuild(_ name: String, _ arguments: [Value], _ code: UInt8, _ start: Int) throws(PyTorchError) {
    switch name {
    case "collections.OrderedDict":
      guard arguments.isEmpty else { throw unexpected(code, start) }
      push(.dictionary, [])
    case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor":
      guard arguments.count >= 4, case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1],
        let shape = Self.integers(arguments[2]), let strides = Self.integers(arguments[3])
      else { throw unexpected(code, start) }
      stack.append(.tensor(Tensor(storage: storage, offset: offset, shape: shape, strides: strides)))
    case "torch._utils._rebuild_parameter":
      guard let first = arguments.first, case .tensor = first else { throw unexpected(code, start) }
      stack.append(first)
    default: throw PyTorchError(path: path, reason: .code(name))
    }
  }

  /// `('storage', class, key, device, count)`, in files before PyTorch 1.6 with what the storage is a view of.
  private mutating func pushStorage(_ value: Value, _ code: UInt8, _ start: Int) throws(PyTorchError) {
    guard case .container(let parts) = value, parts.items.count >= 5, case .text("storage") = parts.items[0],
      case .global(let name) = parts.items[1], case .text(let key) = parts.items[2], case .integer(let count) = parts.items[4],
      count >= 0
    else { throw unexpected(code, start) }
    guard let type = Self.types[name] else { throw PyTorchError(path: path, reason: .code(name)) }
    if parts.items.count > 5 { guard case .none = parts.items[5] else { throw unexpected(code, start) } }
    let storage = Storage(key: key, type: type, count: count)
    if let known = storages[key], known.type != type || known.count != count { throw unexpected(code, start) }
    storages[key] = storage
    stack.append(.storage(storage))
  }

  private static let types: [String: SafetensorsType] = [
    "torch.FloatStorage": .float32, "torch.HalfStorage": .float16, "torch.BFloat16Storage": .bfloat16,
    "torch.DoubleStorage": .float64, "torch.LongStorage": .int64, "torch.IntStorage": .int32, "torch.ShortStorage": .int16,
    "torch.CharStorage": .int8, "torch.ByteStorage": .uint8, "torch.BoolStorage": .bool,
  ]

  private static func integers(_ value: Value) -> [Int]? {
    guard case .container(let container) = value, container.kind == .tuple, container.items.count <= mostDimensions else {
      return nil
    }
    var found: [Int] = []
    for item in container.items {
      guard case .integer(let number) = item else { return nil }
      found.append(number)
    }
    return found
  }

  /// Two's complement, little-endian.
  private static func integer(_ bytes: [UInt8]) -> Value {
    guard bytes.count <= 8 else { return .long(bytes) }
    let isNegative = bytes.last.map { $0 >= 0x80 } ?? false
    var bits: UInt64 = isNegative ? .max : 0
    for (place, byte) in bytes.enumerated() {
      bits = bits & ~(0xFF << UInt64(8 * place)) | UInt64(byte) << UInt64(8 * place)
    }
    return .integer(Int(Int64(bitPattern: bits)))
  }

  // MARK: - Stack and bytes

  private func unexpected(_ code: UInt8, _ start: Int) -> PyTorchError {
    PyTorchError(path: path, reason: .instruction(code, byte: start))
  }

  private mutating func push(_ kind: Container.Kind, _ items: [Value]) {
    let container = Container(kind, items)
    containers.append(container)
    stack.append(.container(container))
  }

  private mutating func pop(_ code: UInt8, _ start: Int) throws(PyTorchError) -> Value {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else { throw unexpected(code, start) }
    return value
  }

  private mutating func popMarked(_ code: UInt8, _ start: Int) throws(PyTorchError) -> [Value] {
    guard let mark = marks.popLast(), mark <= stack.count else { throw unexpected(code, start) }
    let items = Array(stack[mark...])
    stack.removeLast(items.count)
    return items
  }

  private func extend(_ kind: Container.Kind, _ items: [Value], _ code: UInt8, _ start: Int) throws(PyTorchError) {
    guard case .container(let container) = stack.last, container.kind == kind, kind == .list || items.count % 2 == 0 else {
      throw unexpected(code, start)
    }
    container.items += items
  }

  private mutating func remember(_ number: Int, _ code: UInt8, _ start: Int) throws(PyTorchError) {
    guard let value = stack.last else { throw unexpected(code, start) }
    memo[number] = value
  }

  private mutating func recall(_ number: Int, _ code: UInt8, _ start: Int) throws(PyTorchError) {
    guard let value = memo[number] else { throw unexpected(code, start) }
    stack.append(value)
  }

  private mutating func take(_ count: Int) throws(PyTorchError) -> UnsafeRawBufferPointer {
    guard count <= bytes.count - place else { throw PyTorchError(path: path, reason: .cutShort(byte: bytes.count)) }
    defer { place += count }
    return UnsafeRawBufferPointer(rebasing: bytes[place..<place + count])
  }

  private mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type) throws(PyTorchError) -> Number {
    Number(littleEndian: try take(MemoryLayout<Number>.size).loadUnaligned(as: type))
  }

  private mutating func text(_ count: Int) throws(PyTorchError) -> String { String(decoding: try take(count), as: UTF8.self) }

  private mutating func line() throws(PyTorchError) -> String {
    guard let end = bytes[place...].firstIndex(of: UInt8(ascii: "\n")) else {
      throw PyTorchError(path: path, reason: .cutShort(byte: bytes.count))
    }
    let found = try text(end - place)
    place += 1
    return found
  }
}
