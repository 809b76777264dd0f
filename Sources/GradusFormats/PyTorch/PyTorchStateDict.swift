import GradusCore

/// Tensors by name from a file of `torch.save`: a state dictionary, or a checkpoint that holds one as `state_dict`;
/// memory-mapped.
///
///     let file = try PyTorchStateDict(path: "pytorch_model.bin")
///     let weights = try file.floats("encoder.layer.0.output.dense.weight")
///
/// Both layouts are read: the zip archive of PyTorch 1.6 and later, and the pickles before it. Such a file is a Python program;
/// here nothing of it is ever called, and one that names anything beside tensors is refused (``PyTorchError/Reason/code(_:)``).
/// Every view is checked against its storage on opening, so that a hostile file can neither crash the process nor show it other
/// memory, nor ask for more memory than its own size.
public final class PyTorchStateDict: Sendable {
  /// What the file says about one tensor.
  public struct TensorInfo: Sendable, Equatable {
    public let name: String
    public let type: SafetensorsType
    /// Row-major; empty for a scalar.
    public let shape: [Int]
    /// Elements from one place to the next in each dimension, of the storage.
    let strides: [Int]
    /// The first element's byte in the file.
    let start: Int
    public let elementCount: Int

    /// Whether the elements lie one after the other.
    var isContiguous: Bool {
      var step = 1
      for (extent, stride) in zip(shape, strides).reversed() where extent != 1 {
        guard stride == step else { return false }
        step *= extent
      }
      return true
    }
  }

  public let path: String
  /// In the order of the file.
  public let tensors: [TensorInfo]
  private let file: MappedFile
  private let positions: [String: Int]

  /// - Throws: ``PyTorchError``, `FileError`.
  public init(path: String) throws {
    self.path = path
    let file = try MappedFile(path: path)
    self.file = file
    let bytes = file.bytes
    tensors = bytes.starts(with: [0x50, 0x4B])
      ? try Self.archive(bytes, path) : try Self.legacy(bytes, path)
    var positions: [String: Int] = [:]
    for (position, tensor) in tensors.enumerated() {
      guard positions.updateValue(position, forKey: tensor.name) == nil else {
        throw PyTorchError(path: path, reason: .duplicateTensor(tensor.name))
      }
    }
    self.positions = positions
  }

  /// Whether a file begins as those of `torch.save` do; false for one that cannot be read.
  public static func isPresent(at path: String) -> Bool {
    guard let file = try? MappedFile(path: path) else { return false }
    return file.bytes.starts(with: [0x50, 0x4B, 3, 4]) || file.bytes.starts(with: [0x80, 2, 0x8A, 0x0A] + magic)
  }

  public var names: [String] { tensors.map(\.name) }

  /// Nil where the file has no such tensor. O(1).
  public func tensorInfo(_ name: String) -> TensorInfo? { positions[name].map { tensors[$0] } }

  /// The values as `Float`, row by row: F16 and BF16 exactly, F64 rounded to nearest.
  ///
  /// - Throws: ``PyTorchError`` for a tensor that is not there, and for integers and Booleans.
  public func floats(_ name: String) throws -> [Float] {
    guard let info = tensorInfo(name) else { throw PyTorchError(path: path, reason: .noSuchTensor(name)) }
    guard info.type.isFloatingPoint else { throw PyTorchError(path: path, reason: .wrongType(tensor: name, found: info.type)) }
    guard info.elementCount > 0 else { return [] }
    return withExtendedLifetime(file) {
      let size = info.type.byteCount, bytes = file.bytes
      if info.isContiguous {
        let range = info.start..<info.start + info.elementCount * size
        return info.type.floats(UnsafeRawBufferPointer(rebasing: bytes[range])) ?? []
      }
      var places = [info.start]
      for (extent, stride) in zip(info.shape, info.strides) {
        places = places.flatMap { place in (0..<extent).map { place + $0 * stride * size } }
      }
      var inOrder: [UInt8] = []
      inOrder.reserveCapacity(info.elementCount * size)
      for place in places { inOrder.append(contentsOf: bytes[place..<place + size]) }
      return inOrder.withUnsafeBytes { info.type.floats($0) ?? [] }
    }
  }

  // MARK: - The two layouts

  private static func archive(_ bytes: UnsafeRawBufferPointer, _ path: String) throws(PyTorchError) -> [TensorInfo] {
    let archive = try StoredArchive(bytes, path: path)
    guard let program = archive.entries.keys.filter({ $0.hasSuffix("/data.pkl") }).min() else {
      throw PyTorchError(path: path, reason: .missingEntry("data.pkl"))
    }
    let root = program.dropLast("data.pkl".count)
    if let order = archive.entries[root + "byteorder"], bytes[order].starts(with: "big".utf8) {
      throw PyTorchError(path: path, reason: .bigEndian)
    }
    let range = archive.entries[program] ?? 0..<0
    var machine = PickleMachine(UnsafeRawBufferPointer(rebasing: bytes[range]), path: path)
    return try machine.run { value throws(PyTorchError) in
      try tensors(of: value, path) { storage throws(PyTorchError) in
        let name = "\(root)data/\(storage.key)"
        guard let range = archive.entries[name] else { throw PyTorchError(path: path, reason: .missingEntry(name)) }
        return range
      }
    }
  }

  /// The first bytes of the number that begins files before PyTorch 1.6.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  /// Five pickles (a number, the layout's version, the machine's properties, the object, the storages' keys), then the storages'
  /// numbers, each behind their count.
  private static func legacy(_ bytes: UnsafeRawBufferPointer, _ path: String) throws(PyTorchError) -> [TensorInfo] {
    func fail(_ reason: PyTorchError.Reason) -> PyTorchError { PyTorchError(path: path, reason: reason) }
    guard bytes.starts(with: [0x80, 2, 0x8A, 0x0A] + magic) else { throw fail(.notPyTorch) }
    var machine = PickleMachine(bytes, path: path)
    try machine.run { _ in }
    try machine.run { _ in }
    try machine.run { value throws(PyTorchError) in
      guard case .container(let properties) = value else { throw fail(.notPyTorch) }
      for (key, value) in zip(properties.items, properties.items.dropFirst()) {
        if case .text("little_endian") = key, case .flag(false) = value { throw fail(.bigEndian) }
      }
    }
    // Where the numbers lie is known only behind the keys, which follow the object: it is run again then.
    let object = machine.place
    try machine.run { _ in }
    let storages = machine.storages
    let keys: [String] = try machine.run { value throws(PyTorchError) in
      guard case .container(let list) = value else { throw fail(.notPyTorch) }
      return list.items.compactMap { if case .text(let key) = $0 { key } else { nil } }
    }
    var place = machine.place
    var ranges: [String: Range<Int>] = [:]
    for key in keys {
      guard let storage = storages[key] else { throw fail(.missingEntry(key)) }
      guard bytes.count - place >= 8 else { throw fail(.cutShort(byte: bytes.count)) }
      let count = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: Int64.self))
      place += 8
      guard count == storage.count, storage.count <= (bytes.count - place) / storage.type.byteCount else {
        throw fail(.cutShort(byte: bytes.count))
      }
      ranges[key] = place..<place + storage.count * storage.type.byteCount
      place += storage.count * storage.type.byteCount
    }
    var again = PickleMachine(bytes, at: object, path: path)
    return try again.run { value throws(PyTorchError) in
      try tensors(of: value, path) { storage throws(PyTorchError) in
        guard let range = ranges[storage.key] else { throw fail(.missingEntry(storage.key)) }
        return range
      }
    }
  }

  // MARK: - Tensors

  private static func tensors(
    of value: PickleMachine.Value, _ path: String,
    range: (PickleMachine.Storage) throws(PyTorchError) -> Range<Int>
  ) throws(PyTorchError) -> [TensorInfo] {
    guard case .container(let top) = value, top.kind == .dictionary else {
      throw PyTorchError(path: path, reason: .noTensors)
    }
    var dictionary = top
    if !top.items.contains(where: { if case .tensor = $0 { true } else { false } }) {
      for (key, value) in pairs(top) {
        if ["state_dict", "model_state_dict", "model"].contains(key), case .container(let inner) = value,
          inner.kind == .dictionary
        {
          dictionary = inner
          break
        }
      }
    }
    var found: [TensorInfo] = []
    for (name, value) in pairs(dictionary) {
      guard case .tensor(let tensor) = value else { continue }
      found.append(try info(name, tensor, range(tensor.storage), path))
    }
    guard !found.isEmpty else { throw PyTorchError(path: path, reason: .noTensors) }
    return found
  }

  private static func pairs(_ dictionary: PickleMachine.Container) -> [(String, PickleMachine.Value)] {
    stride(from: 0, to: dictionary.items.count - 1, by: 2).compactMap { place in
      guard case .text(let key) = dictionary.items[place] else { return nil }
      return (key, dictionary.items[place + 1])
    }
  }

  private static func info(
    _ name: String, _ tensor: PickleMachine.Tensor, _ range: Range<Int>, _ path: String
  ) throws(PyTorchError) -> TensorInfo {
    func fail(_ problem: String) -> PyTorchError { PyTorchError(path: path, reason: .tensor(name: name, problem)) }
    let size = tensor.storage.type.byteCount
    let available = range.count / size
    guard tensor.storage.count <= available else {
      throw fail("has a storage of \(tensor.storage.count) numbers, and the file has \(available)")
    }
    guard tensor.shape.count == tensor.strides.count, tensor.offset >= 0, tensor.offset <= tensor.storage.count,
      tensor.shape.allSatisfy({ $0 >= 0 }), tensor.strides.allSatisfy({ $0 >= 0 })
    else { throw fail("has an impossible shape") }
    var count = 1, last = tensor.offset
    for (extent, stride) in zip(tensor.shape, tensor.strides) {
      let (product, overflows) = count.multipliedReportingOverflow(by: extent)
      let (reach, isTooFar) = max(0, extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, isTooLarge) = last.addingReportingOverflow(reach)
      guard !overflows, !isTooFar, !isTooLarge else { throw fail("has an impossible shape") }
      count = product
      last = sum
    }
    // A view of more numbers than there are repeats some; no writer of weights needs that, and it would need any memory.
    guard count <= tensor.storage.count, count == 0 || last < tensor.storage.count else {
      throw fail("of shape \(tensor.shape) does not fit its storage of \(tensor.storage.count) numbers")
    }
    return TensorInfo(
      name: name, type: tensor.storage.type, shape: tensor.shape, strides: tensor.strides,
      start: range.lowerBound + tensor.offset * size, elementCount: count)
  }
}
