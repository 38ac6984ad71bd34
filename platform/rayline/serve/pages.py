"""Pages for people: the list of models, and a form for each with the same request as a command line."""

from __future__ import annotations

from html import escape
from string import Template
from typing import Any

import orjson

from rayline.core.category_text import category_text
from rayline.core.columns import FeatureType, InputColumn
from rayline.serve.table import Model, Served, Table

_PAGE = Template("""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>$title</title><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
h1{font-size:1.5rem;margin-bottom:0}a{color:#1f5fbf}.quiet{color:#5b6573}
form{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));gap:.8rem;margin:1.5rem 0}
label{display:flex;flex-direction:column;font-size:.85rem;color:#5b6573}
input,select{font:inherit;padding:.35rem .5rem;border:1px solid #c8ced6;border-radius:.3rem}
button{font:inherit;grid-column:1/-1;justify-self:start;padding:.45rem 1.4rem;border:0;border-radius:.3rem;
background:#1f5fbf;color:#fff;cursor:pointer}
pre{background:#10151c;color:#e8edf3;padding:1rem;border-radius:.4rem;overflow:auto;white-space:pre-wrap}
table{border-collapse:collapse}td,th{text-align:left;padding:.3rem 1.2rem .3rem 0;border-bottom:1px solid #e3e7ec}
</style></head><body>$body</body></html>
""")

_SCRIPT = """<script>
const form = document.querySelector("form"), out = document.querySelector("#answer");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const record = {};
  for (const field of form.elements) {
    if (!field.name) continue;
    record[field.name] = field.value === "" ? null : field.type === "number" ? Number(field.value) :
      field.dataset.list ? JSON.parse(field.value) : field.value;
  }
  const reply = await fetch(form.action, {method: "POST", headers: {"content-type": "application/json"},
    body: JSON.stringify({records: [record]})});
  out.textContent = JSON.stringify(await reply.json(), null, 2);
});
const command = document.querySelector("h2 + pre");
command.textContent = command.textContent.replace("http://HOST:PORT", location.origin);
</script>"""


def home(table: Table) -> bytes:
    """The models that are served."""
    rows = "".join(
        f'<tr><td><a href="/models/{escape(of.name)}">{escape(of.name)}</a></td><td>{escape(of.answering)}</td>'
        f"<td>{escape(', '.join(of.versions))}</td>"
        f"<td>{escape(', '.join(f'{alias} → {version}' for alias, version in of.aliases.items()))}</td></tr>"
        for of in table.models.values()
    )
    head = "<tr><th>model</th><th>answers</th><th>versions</th><th>aliases</th></tr>"
    none = "<p>No model is deployed. <code>rayline deploy NAME@champion</code> deploys one.</p>"
    listed = f"<table>{head}{rows}</table>" if rows else none
    return _page("Rayline", f'<h1>Models</h1>{listed}<p class="quiet"><a href="/openapi.json">openapi.json</a></p>')


def model(of: Model, served: Served, path: str) -> bytes:
    """One version: what it predicts, a form that asks it, the same as a command."""
    signature = served.signature
    names = [f"version {served.version}", *of.aliases_of(served.version)]
    predicts = f"{signature.target} ({', '.join(signature.classes)})" if signature.classes else signature.target
    body = orjson.dumps({"records": [served.example]}).decode().replace("'", "'\\''")
    command = f"curl -s http://HOST:PORT{path}/predict -H 'content-type: application/json' \\\n  -d '{body}'"
    fields = "".join(_input(column, served.example[column.name]) for column in signature.inputs)
    return _page(
        f"{of.name} {served.version}",
        f'<h1>{escape(of.name)}</h1><div class="quiet">{escape(" · ".join(names))} · predicts {escape(predicts)}</div>'
        f'<form action="{escape(path)}/predict">{fields}<button>Predict</button></form>'
        f'<pre id="answer">The answer appears here.</pre><h2>From a terminal</h2><pre>{escape(command)}</pre>{_SCRIPT}',
    )


def _input(column: InputColumn, value: Any) -> str:
    name = escape(column.name)
    if column.allowed is not None:
        choices = "".join(f"<option>{escape(choice)}</option>" for choice in column.allowed)
        empty = "<option></option>" if column.nullable else ""
        return f'<label>{name}<select name="{name}">{choices}{empty}</select></label>'
    listed = column.type is FeatureType.SEQUENCE
    text = "" if value is None else escape(orjson.dumps(value).decode() if listed else category_text(value) or "")
    required = "" if column.nullable else " required"
    if column.type is not FeatureType.NUMBER:
        kind = ' data-list="true"' if listed else ""
        return f'<label>{name}<input name="{name}" value="{text}"{kind}{required}></label>'
    low = "" if column.minimum is None else f' min="{column.minimum:g}"'
    high = "" if column.maximum is None else f' max="{column.maximum:g}"'
    return f'<label>{name}<input type="number" step="any" name="{name}" value="{text}"{low}{high}{required}></label>'


def _page(title: str, body: str) -> bytes:
    return _PAGE.substitute(title=escape(title), body=body).encode()
