import Gradus

extension GenerateCommand {
  /// One answer, token by token.
  func generate(_ answers: AllowedAnswers?, _ setup: DecoderSetup) throws {
    let temperature = temperature ?? 0
    let options = GenerationOptions(
      maximumTokens: maximumTokens,
      sampling: temperature == 0 ? .greedy : .random(temperature: temperature, topK: topK, topP: topP ?? 1),
      stopTokens: setup.stopTokens, seed: seed ?? 1, constraintScoring: constraint.scoring?.value ?? .masked)
    var stream = TokenStream(setup.tokenizer)
    var text = ""
    let receive: (Int32) -> Bool = { token in
      text += stream.append(token)
      return true
    }
    let result =
      if let answers {
        try setup.decoder.generate(setup.prompt, options: options, constraint: answers.constraint, receive: receive)
      } else {
        try setup.decoder.generate(setup.prompt, options: options, receive: receive)
      }
    text += stream.finish()
    let line = answers?.line(of: result.tokens)
    guard output.json else {
      try printOutput((line?.text ?? text) + "\n")
      noteCut(result.tokens, answers)
      return
    }
    try printJSON(
      Figures(
        text: line?.text ?? text, tokens: result.tokens, ending: result.ending.name,
        prompt_tokens: result.counters.promptTokens, cached_tokens: result.counters.cachedTokens,
        output_tokens: result.counters.outputTokens, prompt_seconds: result.counters.promptSeconds,
        generation_seconds: result.counters.generationSeconds, model: model,
        log_probability: result.logProbabilities.reduce(0, +), choice: line?.number))
  }

  /// The most probable of several answers that are followed at once.
  func search(width: Int, _ answers: AllowedAnswers?, _ setup: DecoderSetup) throws {
    guard answers != nil || !setup.stopTokens.isEmpty else {
      throw UsageError(
        "the files of \(model) name no token that ends a text, without which --beams cannot tell when an answer is complete; "
          + "give --choices or --pattern")
    }
    let search = BeamSearch(
      width: width, maximumTokens: maximumTokens, lengthPenalty: lengthPenalty ?? 0, stopTokens: setup.stopTokens,
      scoring: constraint.scoring?.value ?? .masked)
    let found =
      if let answers {
        try search.run(setup.decoder, prompt: setup.prompt, constraint: answers.constraint)
      } else {
        try search.run(setup.decoder, prompt: setup.prompt)
      }
    let hypotheses = found.map { hypothesis in
      let line = answers?.line(of: hypothesis.tokens)
      return Hypothesis(
        text: line?.text ?? setup.tokenizer.decode(hypothesis.tokens), tokens: hypothesis.tokens,
        log_probability: hypothesis.logProbability, score: hypothesis.score, is_complete: hypothesis.isComplete,
        choice: line?.number)
    }
    guard let best = hypotheses.first else { return }
    guard output.json else {
      try printOutput(best.text + "\n")
      noteCut(best.tokens, answers)
      return
    }
    try printJSON(
      Hypotheses(
        text: best.text, hypotheses: hypotheses, beams: width, length_penalty: search.lengthPenalty,
        prompt_tokens: setup.prompt.count, model: model))
  }

  /// The log-probabilities of given texts.
  func score(_ lines: TextLines, _ setup: DecoderSetup) throws {
    let sequences = try setup.encode(lines)
    var cache = setup.decoder.makeCache()
    try setup.decoder.append(setup.prompt, to: &cache)
    let scores = try setup.decoder.score(sequences, after: cache)
    var rows = zip(lines.lines, zip(sequences, scores)).map { line, scored in
      Continuation(
        line: line.number, text: line.text, tokens: scored.0, log_probability: scored.1.logProbability,
        mean_log_probability: scored.1.meanLogProbability, token_log_probabilities: scored.1.tokenLogProbabilities,
        score: scored.1.score(lengthPenalty: lengthPenalty ?? 0))
    }
    rows.sort { ($0.score, $1.line) > ($1.score, $0.line) }
    guard !output.json else {
      return try printJSON(
        Continuations(
          continuations: rows, length_penalty: lengthPenalty ?? 0, prompt_tokens: setup.prompt.count, model: model))
    }
    var table = TextTable(header: ["LOG-PROBABILITY", "PER TOKEN", "TOKENS", "TEXT"], rightAligned: [0, 1, 2])
    for row in rows {
      table.append([row.log_probability.fixed(4), row.mean_log_probability.fixed(4), "\(row.tokens.count)", row.text])
    }
    try printOutput(table.text)
  }

  /// Says so where an answer is only the beginning of an allowed one.
  private func noteCut(_ tokens: [Int32], _ answers: AllowedAnswers?) {
    guard let answers, !answers.isComplete(tokens) else { return }
    printToStandardError(
      "gradus: note: the answer was cut before the constraint was satisfied; raise --max-tokens above \(maximumTokens) or "
        + "shorten the prompt")
  }

  /// Names are those of the JSON object, in all of the following.
  private struct Figures: Encodable {
    let text: String
    let tokens: [Int32]
    let ending: String
    let prompt_tokens: Int
    let cached_tokens: Int
    let output_tokens: Int
    let prompt_seconds: Double
    let generation_seconds: Double
    let model: String
    let log_probability: Double
    /// Number of the line of `--choices`.
    let choice: Int?
  }

  private struct Hypothesis: Encodable {
    let text: String
    let tokens: [Int32]
    let log_probability: Double
    let score: Double
    let is_complete: Bool
    let choice: Int?
  }

  private struct Hypotheses: Encodable {
    /// Of the best.
    let text: String
    let hypotheses: [Hypothesis]
    let beams: Int
    let length_penalty: Double
    let prompt_tokens: Int
    let model: String
  }

  private struct Continuation: Encodable {
    let line: Int
    let text: String
    let tokens: [Int32]
    let log_probability: Double
    let mean_log_probability: Double
    let token_log_probabilities: [Double]
    let score: Double
  }

  private struct Continuations: Encodable {
    let continuations: [Continuation]
    let length_penalty: Double
    let prompt_tokens: Int
    let model: String
  }
}

extension GenerationResult.Ending {
  fileprivate var name: String {
    switch self {
    case .stopToken: "stop"
    case .constraint: "constraint"
    case .maximumTokens: "length"
    case .context: "context"
    }
  }
}
