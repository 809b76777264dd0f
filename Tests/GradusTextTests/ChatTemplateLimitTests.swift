import Foundation
import GradusCore
import Testing

@testable import GradusText

@Suite("Hostile and broken chat templates")
struct ChatTemplateLimitTests {
  static func reason(_ template: String, _ messages: [ChatMessage] = [.user("Hi")]) -> TemplateError? {
    do {
      _ = try ChatTemplate(template, source: "t").render(messages)
      return nil
    } catch {
      return error as? TemplateError
    }
  }

  @Test("Errors name the line of the template")
  func lines() throws {
    for (template, line) in [
      ("a\n\n{{ 1 + }}", 3), ("{% if true %}\nx\n", 2), ("{{\n\n 'a' + 1 }}", 3), ("x\n{% for a in 5 %}{% endfor %}", 2),
      ("{# a\nb #}\n{{ nothing.at.all }}", 3), ("{% raw %}\n\n{% endraw %}\n{% bad %}", 4),
      ("\r\n\r{{ raise_exception('x') }}", 3),
      ("{% macro m() %}\n{{ 1 / 0 }}\n{% endmacro %}\n{{ m() }}", 2), ("a\n{{ 'b\nc", 2),
    ] {
      #expect(Self.reason(template)?.line == line, "\(template): \(String(describing: Self.reason(template)))")
    }
    let error = try #require(Self.reason("{{ raise_exception('Only ' ~ 1) }}"))
    #expect(error.reason == .raised("Only 1"))
    #expect(error.description == "t: line 1 of the template: the template refuses the conversation: Only 1")
    #expect(Self.reason("{% include 'x' %}")?.reason == .unsupported("tag 'include'"))
    #expect(Self.reason("{{ 1 | nope }}")?.reason == .unsupported("filter 'nope'"))
    #expect(Self.reason("{{ a.b }}")?.reason == .undefined("'a' is undefined"))
    #expect(
      Self.reason("{% if 1 %}")?.reason
        == .syntax(expected: "'elif' or 'else' or 'endif' for the block of line 1", found: "the end of the template"))
  }

  private static func isLimit(_ template: String, _ messages: [ChatMessage] = [.user("Hi")]) -> Bool {
    if case .limit? = reason(template, messages)?.reason { true } else { false }
  }

  private static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Deep in brackets, operators and blocks, each well formed but for its depth.
  private static let deep: [String] = {
    func wrapped(_ open: String, _ inner: String, _ close: String) -> String {
      let count = 50_000
      return String(repeating: open, count: count) + inner + String(repeating: close, count: count)
    }
    return [
      "{{ " + wrapped("(", "1", ")") + " }}", "{{ " + wrapped("[", "", "]") + " }}", "{{ " + wrapped("{1:", "1", "}") + " }}",
      "{{ " + wrapped("- ", "1", "") + " }}", "{{ " + wrapped("not ", "1", "") + " }}",
      "{{ " + wrapped("1 if 0 else ", "1", "") + " }}",
      "{{ " + wrapped("x[", "1", "]") + " }}", "{{ 1 is in " + wrapped("[", "", "]") + " }}",
      "{{ " + wrapped("m(", "", ")") + " }}",
      "{{ " + wrapped("1 | d(", "", ")") + " }}", wrapped("{% if 1 %}", "", "{% endif %}"),
      wrapped("{% for x in [1] %}", "", "{% endfor %}"), wrapped("{% set x %}", "", "{% endset %}"),
      wrapped("{% if 1 %}{% else %}", "", "{% endif %}"), "{{ 1 is " + wrapped("in (1 is ", "in 1", ")") + " }}",
    ]
  }()

  @Test("Depth is bounded when the template is read")
  func depth() {
    for template in Self.deep {
      #expect(Self.isLimit(template), "\(template.prefix(40)): \(Self.reason(template)?.description ?? "")")
    }
  }

  @Test("Long chains are no depth")
  func chains() throws {
    func chain(_ part: String, _ separator: String, _ count: Int = 5000) -> String {
      "{{ " + repeatElement(part, count: count).joined(separator: separator) + " }}"
    }
    for (template, expected) in [
      (chain("1", " + "), "5000"), (chain("1", " and "), "1"), (chain("0", " or "), "0"), (chain("1", " == "), "True"),
      (chain("''", " ~ "), ""), (chain("1", " * "), "1"), ("{{ 'a' " + String(repeating: "| upper ", count: 5000) + "}}", "A"),
      ("{{ 'a'" + String(repeating: ".strip()", count: 5000) + "}}", "a"),
      ("{% if 0 %}" + String(repeating: "{% elif 0 %}", count: 5000) + "{% else %}x{% endif %}", "x"),
      (chain("'a'", " "), String(repeating: "a", count: 5000)),
    ] {
      #expect(try ChatTemplate(template, source: "t").render([]).text == expected, "\(template.prefix(40))")
    }
  }

  @Test(
    "Work, text and values are bounded",
    arguments: [
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{% for x in [1] %}{{ a() }}{% endfor %}{% endmacro %}{{ a() }}",
      "{% set r = range(100000) %}{% for a in r %}{% for b in r %}{% for c in r %}{% endfor %}{% endfor %}{% endfor %}",
      "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
      "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = [ns.s] %}{% endfor %}",
      "{% set ns = namespace(s={}) %}{% for i in range(100000) %}{% set ns.s = {'a': ns.s} %}{% endfor %}",
      "{% set ns = namespace(s=[]) %}{% for i in range(99) %}{% for x in [ns.s] %}{% set ns.s = loop %}{% endfor %}{% endfor %}",
      "{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = {'a': ns.s}.get %}{% endfor %}",
      "{% set ns = namespace() %}{% for i in range(100000) %}{% set ns.s = [ns] %}{% set ns.t = [ns.t] %}{% endfor %}",
      "{% set ns = namespace(s=[1]) %}{% for i in range(35) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
      "{% set ns = namespace(s=[1]) %}{% for i in range(35) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}",
      "{% set ns = namespace(s=[1], t=[1]) %}{% for i in range(35) %}"
        + "{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
      "{{ 'x' * 9223372036854775807 }}", "{{ [1] * 9223372036854775807 }}", "{{ 'abcdefgh' * 2305843009213693952 }}",
      "{{ 'x' * 5000000 }}",
      "{{ ('x' * 1000000) | replace('x', 'yyyyyyyyyy') }}", "{{ ('x' * 1000000) | replace('', 'yyyyyyyyyy') }}",
      "{{ ('x' * 1000000) | list | join('yyyyyyyyyy') }}", "{{ ('\n' * 1000000) | indent(1000, true, true) }}",
      "{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}", "{{ range(9223372036854775807) }}",
      "{{ range(-9223372036854775807, 9223372036854775807) }}", "{{ range(0, -9223372036854775807 - 1, -1) }}",
      "{% set s = 'a' * 1000000 %}{% for i in range(1000) %}{{ (s ~ 'b') in s }}{% endfor %}",
      "{% set s = 'a' * 1000000 %}{% for i in range(1000) %}{% set x = s.split('a') %}{% endfor %}",
      "{% set s = 'a' * 1000000 %}{% for i in range(1000) %}{% set x = s == s ~ '' %}{% endfor %}",
      "{% set s = 'a ' * 1000000 %}{% for i in range(1000) %}{% set x = s.strip() %}{% endfor %}",
      "{% set s = 'a' * 1000000 %}{% for i in range(1000) %}{% set x = s is upper %}{% endfor %}",
      "{% set s = 'a' * 1000000 %}{% for i in range(1000) %}{% set x = s | title %}{% endfor %}",
      "{% set s = 'a' * 1000000 %}{% for i in range(1000) %}{% for x in s %}{% break %}{% endfor %}{% endfor %}",
      "{% set s = 'a' * 1000000 %}{% for i in range(1000) %}{% set x = s | first %}{% endfor %}",
      "{% for i in range(100000) %}{% set x = namespace(a=messages) %}{{ x.a | list | map(attribute='role') | join }}"
        + "{% for j in range(1000) %}{% endfor %}{% endfor %}",
    ])
  func bounds(template: String) {
    // Of this thread alone: other work on the machine must not decide.
    let start = Self.processorSeconds()
    #expect(Self.isLimit(template), "\(template.prefix(80)): \(String(describing: Self.reason(template)))")
    #expect(Self.processorSeconds() - start < 20, "\(template.prefix(80))")
  }

  @Test(
    "Numbers at the end of their range are errors, not traps",
    arguments: [
      "{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}", "{{ 9223372036854775807 * 2 }}", "{{ 2 ** 63 }}",
      "{{ 2 ** -1 }}",
      "{{ -(-9223372036854775807 - 1) }}", "{{ (-9223372036854775807 - 1) // -1 }}", "{{ (-9223372036854775807 - 1) % -1 }}",
      "{{ (-9223372036854775807 - 1) | abs }}", "{{ 99999999999999999999 }}", "{{ range(1, 5, 0) }}", "{{ 5 is divisibleby 0 }}",
      "{{ '\\U00110000' }}", "{{ '\\ud800' }}", "{{ '\\x4' }}", "{{ '\\u+123' }}", "{{ loop.cycle() }}",
      "{% for x in [1] %}{{ loop.cycle() }}{% endfor %}", "{{ [1, 2][::0] }}", "{{ 'a'.get('b') }}", "{{ {[]: 1} }}",
      "{{ {}.get([]) }}",
      "{{ [] in {} }}", "{{ namespace(1) }}", "{{ namespace() }}", "{{ range }}", "{{ messages | map }}",
      "{{ messages | map(1) | list }}",
      "{{ messages | selectattr }}", "{{ messages | select(1) }}", "{{ 'a' | trim(1) }}", "{{ 'a' | tojson(indent='x') }}",
      "{{ 'a' | trim('a', 'b') }}", "{{ 'a' | trim(x='a') }}", "{{ strftime_now('%Y') }}", "{{ '%s' % 1 }}",
      "{{ 'a'.join('b') if false else 'a'.join([1]) }}",
    ])
  func edges(template: String) { #expect(Self.reason(template) != nil, "\(template)") }

  @Test("Extreme numbers that mean something give what Python gives")
  func extremes() throws {
    for (template, expected) in [
      ("{{ -9223372036854775807 - 1 }}", "-9223372036854775808"), ("{{ (-2) ** 63 }}", "-9223372036854775808"),
      ("{{ 'abc'[9223372036854775807:] }}", ""), ("{{ 'abc'[-9223372036854775807 - 1:] }}", "abc"),
      ("{{ 'abc'[::9223372036854775807] }}", "a"), ("{{ 'abc'[::-9223372036854775807] }}", "c"),
      ("{{ 'abc'[-9223372036854775807 - 1] }}", ""),
      ("{{ range(0, 9223372036854775807, 9223372036854775806) | list }}", "[0, 9223372036854775806]"),
      ("{{ range(5, 1) | list }}", "[]"), ("{{ 1 ** 9223372036854775807 }}", "1"), ("{{ 0 ** 0 }}", "1"), ("{{ 1e400 }}", "inf"),
      ("{{ (1e400 - 1e400) }}", "nan"), ("{{ 1e400 | int(3) }}", "3"), ("{{ (1e400 - 1e400) <= 1 }}", "False"),
      ("{{ (-9223372036854775807 - 1) is divisibleby(-1) }}", "True"), ("{{ ('x' * 1000) | indent(-5) | length }}", "1000"),
    ] {
      #expect(try ChatTemplate(template, source: "t").render([]).text == expected, "\(template)")
    }
  }

  @Test("Cut and garbled templates never do more than fail")
  func garbled() throws {
    var random = SeededGenerator(seed: 5)
    let names = ["llama31.jinja", "qwen3.jinja", "macros.jinja", "rules.jinja", "mistral3.jinja", "smollm3.jinja"]
    let parts = [
      "{{", "}}", "{%", "%}", "{#", "#}", "-", "(", ")", "[", "]", "|", "'", "if", "for", "end", "set", "\n", "\u{0}", "é", ":",
      ",", "=",
    ]
    var rendered = 0, refused = 0
    for name in names {
      let source = Array(try ChatGoldens.contents("templates/" + name).unicodeScalars)
      for _ in 0..<300 {
        var text = source
        for _ in 0..<random.integer(below: 4) + 1 {
          let place = random.integer(below: text.count)
          switch random.integer(below: 3) {
          case 0: text.remove(at: place)
          case 1: text.insert(contentsOf: parts[random.integer(below: parts.count)].unicodeScalars, at: place)
          default: text.removeSubrange(place..<min(text.count, place + random.integer(below: 30)))
          }
          if text.isEmpty { text = source }
        }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: text)
        do {
          _ = try ChatTemplate(String(view), source: name).render([.system("S"), .user("a\nb"), .assistant("c")])
          rendered += 1
        } catch is TemplateError { refused += 1 }
      }
    }
    #expect(rendered > 100 && refused > 100)
  }

  @Test("The deepest template that is allowed renders on half a megabyte of stack")
  func stack() throws {
    let deep = String(repeating: "{% if [[1]] | length %}", count: 45) + String(repeating: "(", count: 45) + "1"
    var template = String(repeating: "{% for x in [1] %}", count: 40) + "{{ " + String(repeating: "[", count: 38) + "1"
    template += String(repeating: "]", count: 38) + " }}" + String(repeating: "{% endfor %}", count: 40)
    template += "{% macro m(n) %}{% if n %}{{ [(m(n - 1))] }}{% endif %}{% endmacro %}{{ m(20) | length }}"
    let text = template
    let result = Outcome()
    let thread = Thread {
      result.text = (try? ChatTemplate(text, source: "t").render([]).text) ?? "\(String(describing: Self.reason(text)))"
      result.isDeepRefused = Self.reason(deep) != nil && Self.isLimit("{% macro m() %}{{ [[m()]] }}{% endmacro %}{{ m() }}")
    }
    thread.stackSize = 512 * 1024
    thread.start()
    while !thread.isFinished { usleep(1000) }
    #expect(result.text.hasPrefix(String(repeating: "[", count: 38) + "1]"), "\(result.text.prefix(100))")
    #expect(result.isDeepRefused)
  }

  /// `@unchecked Sendable`: written by the thread, read after its end.
  private final class Outcome: @unchecked Sendable {
    var text = ""
    var isDeepRefused = false
  }
}
