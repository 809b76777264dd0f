import GradusCore

/// A file of PyTorch's that must not be trusted, or a request that it cannot serve.
public struct PyTorchError: GradusError, Equatable {
  public enum Reason: Equatable, Sendable {
    /// Neither a zip archive nor a pickle of `torch.save`.
    case notPyTorch
    /// What is wrong with the archive around the data.
    case archive(String)
    /// An entry of the archive that should be there.
    case missingEntry(String)
    case cutShort(byte: Int)
    /// An instruction of the pickle that no state dictionary needs, or one without what it works on.
    case instruction(UInt8, byte: Int)
    /// Python code that the file wants to call: only tensors are read, nothing is ever called.
    case code(String)
    case bigEndian
    /// There is no dictionary of tensors.
    case noTensors
    case duplicateTensor(String)
    /// What is wrong with a tensor.
    case tensor(name: String, String)
    case noSuchTensor(String)
    case wrongType(tensor: String, found: SafetensorsType)
  }

  public let path: String
  public let reason: Reason

  public init(path: String, reason: Reason) {
    self.path = path
    self.reason = reason
  }

  public var failureKind: FailureKind {
    switch reason {
    case .noSuchTensor, .wrongType: .missingInput
    default: .badData
    }
  }

  public var description: String {
    switch reason {
    case .notPyTorch: "\(path): no file of torch.save"
    case .archive(let problem): "\(path): the archive \(problem)"
    case .missingEntry(let name): "\(path): the archive has no entry '\(name)'; it is no file of torch.save, or damaged"
    case .cutShort(let byte): "\(path): more is needed at byte \(byte); the file is cut short or damaged"
    case .instruction(let code, let byte):
      "\(path): the pickle has the instruction \(code) at byte \(byte), which no state dictionary needs there"
    case .code(let name):
      "\(path): holds '\(name)', and only state dictionaries are read; write torch.save(model.state_dict(), ...)"
    case .bigEndian: "\(path): the numbers are big-endian; write the file on another machine"
    case .noTensors: "\(path): holds no dictionary of tensors; write torch.save(model.state_dict(), ...)"
    case .duplicateTensor(let name): "\(path): has the tensor '\(name)' twice"
    case .tensor(let name, let problem): "\(path): tensor '\(name)' \(problem)"
    case .noSuchTensor(let name): "\(path): there is no tensor '\(name)'"
    case .wrongType(let name, let found): "\(path): tensor '\(name)' has the type \(found.rawValue)"
    }
  }
}
