import GradusCore

/// A reader of files of unknown origin, and what it is fed to begin with.
struct FuzzTarget: Sendable {
  let name: String
  /// Longer inputs are not made.
  let maximumBytes: Int
  /// Name of a dictionary in Fuzz/Dictionaries, where one helps.
  let dictionary: String?
  let seeds: @Sendable () throws -> [[UInt8]]
  /// Reads the input and uses what was read. Errors are what bad input must end in; they must be the project's own.
  let run: @Sendable (_ input: UnsafeBufferPointer<UInt8>) throws -> Void

  init(
    _ name: String, maximumBytes: Int = 4096, dictionary: String? = nil,
    seeds: @escaping @Sendable () throws -> [[UInt8]], run: @escaping @Sendable (UnsafeBufferPointer<UInt8>) throws -> Void
  ) {
    self.name = name
    self.maximumBytes = maximumBytes
    self.dictionary = dictionary
    self.seeds = seeds
    self.run = run
  }

  static let all: [FuzzTarget] = [
    json, gguf, safetensors, stateDict, tokenizer, vocabulary, encoder, sentence, decoder, template, trec, corpus, gzip, recipe,
    checkpoint, index, vectors, tokens, impacts, queries, exchange, names, text, pages,
  ]
}

/// Runs one reader, and goes on where it refuses its input. So a target exercises several readers.
func attempt(_ body: () throws -> Void) {
  do {
    try body()
  } catch let error as any GradusError {
    // Errors show what they found: their texts are part of what must not fail.
    precondition(!"\(error)".isEmpty)
  } catch {
    fatalError("an error that is not the project's own reached the caller: \(type(of: error)): \(error)")
  }
}
