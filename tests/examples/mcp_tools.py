"""Use the page's tools as an agent does: `python tests/examples/mcp_tools.py [http://127.0.0.1:7860/gradio_api/mcp/]`.

The page must have been started with --mcp.
"""

import asyncio
import sys

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860/gradio_api/mcp/"


async def main() -> None:
    async with streamablehttp_client(ADDRESS) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        for tool in (await session.list_tools()).tools:
            print(f"{tool.name}: {tool.description.strip().splitlines()[0]}")
        fields = {"context": 131_072, "batch": 8}
        answer = await session.call_tool("kv_memory", {"preset": "sigma-10b", "fields": fields})
        print(answer.content[0].text)
        answer = await session.call_tool("compare", {"prompt": "What is a GPU?", "max_new_tokens": 20})
        print(answer.content[0].text)


asyncio.run(main())
